"""Asking the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.cli.doctor.broker import skew_s
from shared.cli.doctor.database import RISK_LOG, SYNC_LOG, ContentFacts, DatabaseFacts

STATEMENT_TIMEOUT = text("SET LOCAL statement_timeout = '5s'")
MIGRATION = text("SELECT max(version_num) FROM alembic_version")
HAS_MIGRATIONS = text("SELECT to_regclass('public.alembic_version') IS NOT NULL")
NOW = text("SELECT clock_timestamp()")
# `state_change` would tell of idle ones too; what holds back vacuum is the age of the transaction.
SERVER = text("""
    SELECT current_setting('server_version') AS version, current_setting('max_connections')::int AS connections_max,
           (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
           (SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp() - min(xact_start)) AS double precision)
            FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
              AND pid <> pg_backend_pid()) AS longest_transaction_s
""")
PARTITIONS = text("""
    SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = ANY(ARRAY[CAST(:sync AS regclass), CAST(:risk AS regclass)]) AND relkind IN ('r', 'p')
      AND relname NOT LIKE '%\\_default'
""")
DEFAULTS = text("""
    SELECT EXISTS (SELECT 1 FROM user_mt5_sync_logs_default) AS sync,
           EXISTS (SELECT 1 FROM trade_setup_risk_logs_default) AS risk
""")
CONTENT = text("""
    SELECT now() AS now,
           (SELECT count(*) FROM risk_configuration) AS configurations,
           (SELECT count(*) FROM risk_configuration_history) AS versions,
           (SELECT COALESCE(max(config_version), 0) FROM risk_configuration_history) AS version_max,
           (SELECT CAST(EXTRACT(EPOCH FROM now() - min(created_at)) AS double precision)
            FROM risk_configuration_outbox) AS outbox_age_s,
           (SELECT count(*) FROM user_mt5_accounts) AS accounts,
           (SELECT count(*) FROM user_mt5_accounts WHERE last_synced_at < now() - CAST(:fresh AS interval)) AS stale
""")
OVERDUE = text("""
    SELECT count(*) AS overdue, CAST(EXTRACT(EPOCH FROM now() - min(effective_at)) AS double precision) AS overdue_s
    FROM risk_configuration_schedules AS planned
    WHERE effective_at < now()
      AND NOT EXISTS (SELECT 1 FROM risk_configuration_schedule_ends AS e WHERE e.schedule_id = planned.schedule_id)
""")


async def ask_database(connection: AsyncConnection) -> DatabaseFacts:
    """What any database tells."""
    await connection.execute(STATEMENT_TIMEOUT)
    before = datetime.now(UTC)
    theirs = (await connection.execute(NOW)).scalar_one()
    ahead_s = skew_s(theirs, before, datetime.now(UTC))
    migrated = (await connection.execute(HAS_MIGRATIONS)).scalar_one()
    migration = (await connection.execute(MIGRATION)).scalar() if migrated else None
    server = (await connection.execute(SERVER)).one()
    return DatabaseFacts(
        version=server.version,
        migration=migration,
        ahead_s=ahead_s,
        longest_transaction_s=server.longest_transaction_s,
        connections=server.connections,
        connections_max=server.connections_max,
    )


async def ask_content(connection: AsyncConnection, *, freshness_s: float) -> ContentFacts:
    """What this release's tables hold. `freshness_s`: the age at which an account is stale."""
    partitions = (await connection.execute(PARTITIONS, {"sync": SYNC_LOG, "risk": RISK_LOG})).scalars()
    defaults = (await connection.execute(DEFAULTS)).one()
    content = (await connection.execute(CONTENT, {"fresh": timedelta(seconds=freshness_s)})).one()
    overdue = (await connection.execute(OVERDUE)).one()
    return ContentFacts(
        **content._mapping,  # noqa: SLF001 - SQLAlchemy's public way to a row as a mapping
        partitions=frozenset(partitions),
        default_rows=[name for name, rows in ((SYNC_LOG, defaults.sync), (RISK_LOG, defaults.risk)) if rows],
        overdue=overdue.overdue,
        overdue_s=overdue.overdue_s,
    )
