"""The SQL of the sync consumer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from asyncpg import Connection

from services.sync_consumer.snapshot import Key, Standing, SyncStatus
from shared.database.rows import Rows
from shared.database.statement import Statement
from shared.database.tables import (
    mt5_instruments,
    user_mt5_account_details,
    user_mt5_accounts,
    user_mt5_sync_logs,
)
from shared.errors import DependencyError
from shared.schemas.account import AccountInstruments, AccountSnapshot
from shared.schemas.instrument import InstrumentSpec

CLOCK = Statement.of("SELECT clock_timestamp()")

# In one order everywhere, so that two batches never wait for each other. NO KEY: nobody's foreign key waits for us.
LOCK = Statement.of("""
    SELECT account.mt5_server, account.mt5_account_id, account.user_id, account.balance, account.last_synced_at
    FROM user_mt5_accounts AS account
    JOIN unnest(CAST(:servers AS text[]), CAST(:logins AS bigint[])) AS key (server, login)
      ON account.mt5_server = key.server AND account.mt5_account_id = key.login
    ORDER BY account.mt5_server, account.mt5_account_id
    FOR NO KEY UPDATE OF account
""")

ACCOUNT_ROWS = Rows.of(
    user_mt5_accounts,
    (
        "user_id",
        "mt5_account_id",
        "mt5_server",
        "broker_name",
        "account_currency",
        "balance",
        "equity",
        "margin_used",
        "margin_free",
        "account_leverage",
        "open_positions_count",
        "total_positions_volume",
        "is_demo",
        "sync_status",
        "last_synced_at",
        "updated_at",
    ),
)
# Neither the account nor whose it is ever changes here: this service's database role may not do it.
_CHANGED = ", ".join(
    f"{name} = row.{name}" for name in ACCOUNT_ROWS.types if name not in ("user_id", "mt5_account_id", "mt5_server")
)

CREATE = Statement.of(f"""
    INSERT INTO user_mt5_accounts ({ACCOUNT_ROWS.names}, margin_level_percent, created_at)
    SELECT {ACCOUNT_ROWS.names}, trim_scale(equity * 100 / NULLIF(margin_used, 0)), updated_at
    FROM {ACCOUNT_ROWS.source}
    ORDER BY mt5_server, mt5_account_id
    ON CONFLICT (mt5_server, mt5_account_id) DO NOTHING
""")  # noqa: S608  our own column names

UPDATE = Statement.of(f"""
    UPDATE user_mt5_accounts AS account
    SET {_CHANGED}, margin_level_percent = trim_scale(row.equity * 100 / NULLIF(row.margin_used, 0))
    FROM {ACCOUNT_ROWS.source}
    WHERE account.mt5_server = row.mt5_server AND account.mt5_account_id = row.mt5_account_id
""")  # noqa: S608  our own column names

DETAILS_ROWS = Rows.of(
    user_mt5_account_details,
    ("currency_digits", "margin_mode", "trade_allowed", "arrived_at"),
    mt5_server="TEXT",
    mt5_account_id="BIGINT",
)

DETAILS = Statement.of(f"""
    INSERT INTO user_mt5_account_details (user_mt5_account_id, currency_digits, margin_mode, trade_allowed, arrived_at)
    SELECT account.id, row.currency_digits, row.margin_mode, row.trade_allowed, row.arrived_at
    FROM {DETAILS_ROWS.source}
    JOIN user_mt5_accounts AS account USING (mt5_server, mt5_account_id)
    ORDER BY account.id
    ON CONFLICT (user_mt5_account_id) DO UPDATE SET
        currency_digits = excluded.currency_digits, margin_mode = excluded.margin_mode,
        trade_allowed = excluded.trade_allowed, arrived_at = excluded.arrived_at
""")  # noqa: S608  our own column names

MARK_ERROR = Statement.of("""
    UPDATE user_mt5_accounts AS account SET sync_status = 'error'
    FROM unnest(CAST(:servers AS text[]), CAST(:logins AS bigint[])) AS key (server, login)
    WHERE account.mt5_server = key.server AND account.mt5_account_id = key.login
""")

# SKIP LOCKED: an account whose snapshot is being written this moment is not stale.
MARK_STALE = Statement.of("""
    UPDATE user_mt5_accounts SET sync_status = 'stale'
    WHERE id IN (
        SELECT id FROM user_mt5_accounts
        WHERE sync_status <> 'stale' AND last_synced_at < clock_timestamp() - make_interval(secs => :freshness_s)
        ORDER BY mt5_server, mt5_account_id LIMIT :most
        FOR NO KEY UPDATE SKIP LOCKED
    )
""")

COUNT = Statement.of("SELECT sync_status, count(*) AS accounts FROM user_mt5_accounts GROUP BY sync_status")

SPEC_ROWS = Rows.of(
    mt5_instruments,
    (
        "mt5_server",
        "mt5_account_id",
        "instrument",
        "user_id",
        "account_currency",
        "account_leverage",
        "spec",
        "captured_at",
        "received_at",
    ),
)

SPECS = Statement.of(f"""
    INSERT INTO mt5_instruments ({SPEC_ROWS.names}) SELECT {SPEC_ROWS.names} FROM {SPEC_ROWS.source}
    ORDER BY instrument
    ON CONFLICT (mt5_server, mt5_account_id, instrument) DO UPDATE SET
        user_id = excluded.user_id, account_currency = excluded.account_currency,
        account_leverage = excluded.account_leverage, spec = excluded.spec, captured_at = excluded.captured_at,
        received_at = excluded.received_at
    WHERE excluded.captured_at > mt5_instruments.captured_at OR excluded.user_id <> mt5_instruments.user_id
""")  # noqa: S608  our own column names


class SyncLog(NamedTuple):
    """One row of user_mt5_sync_logs: what one delivery did."""

    operation: str | None
    sync_status: str
    message_id: UUID | None = None
    user_id: str | None = None
    mt5_account_id: int | None = None
    mt5_server: str | None = None
    balance_before: Decimal | None = None
    balance_after: Decimal | None = None
    equity_after: Decimal | None = None
    margin_free_after: Decimal | None = None
    error_code: str | None = None
    error_message: str | None = None
    captured_at: datetime | None = None


LOG_ROWS = Rows.of(user_mt5_sync_logs, SyncLog._fields)

LOG = Statement.of(f"""
    INSERT INTO user_mt5_sync_logs ({LOG_ROWS.names}, synced_at)
    SELECT {LOG_ROWS.names}, CAST(:synced_at AS timestamptz) FROM {LOG_ROWS.source}
""")  # noqa: S608  our own column names


async def lock_accounts(connection: Connection, keys: Iterable[Key]) -> tuple[datetime, dict[Key, Standing]]:
    """Lock those of `keys` that are known, and read them; and the database's clock once they are locked."""
    parameters = _split(keys)
    rows = await LOCK.fetch(connection, parameters) if parameters["servers"] else []
    ((now,),) = await CLOCK.fetch(connection)
    standings = {
        (row["mt5_server"], row["mt5_account_id"]): Standing(row["user_id"], row["balance"], row["last_synced_at"])
        for row in rows
    }
    return now, standings


async def save_accounts(
    connection: Connection,
    newest: Mapping[Key, tuple[AccountSnapshot, SyncStatus]],
    *,
    known: Iterable[Key],
    now: datetime,
) -> None:
    """Write each account's newest snapshot. `known` are the locked ones; the others are created.

    Raises DependencyError where another replica created one of them meanwhile: the batch is run again and sees it.
    """
    already = set(known)
    rows = {key: _account_row(snapshot, status, now) for key, (snapshot, status) in newest.items()}
    new = [row for key, row in rows.items() if key not in already]
    if new:
        created = await CREATE.execute(connection, ACCOUNT_ROWS.parameters(new))
        if created < len(new):
            raise DependencyError("another replica created one of these accounts at the same time")
    changed = [row for key, row in rows.items() if key in already]
    if changed:
        await UPDATE.execute(connection, ACCOUNT_ROWS.parameters(changed))
    if newest:
        details = [_details_row(snapshot, now) for snapshot, _ in newest.values()]
        await DETAILS.execute(connection, DETAILS_ROWS.parameters(details))


async def save_specs(
    connection: Connection, message: AccountInstruments, specs: Sequence[InstrumentSpec], *, now: datetime
) -> int:
    """Write the specs that are newer than what stands; how many were."""
    account = message.account
    rows = [
        (
            account.server,
            account.login,
            spec.instrument,
            message.user_id,
            account.currency,
            account.leverage,
            spec.model_dump_json(),
            message.captured_at,
            now,
        )
        for spec in specs
    ]
    return await SPECS.execute(connection, SPEC_ROWS.parameters(rows)) if rows else 0


async def mark_error(connection: Connection, keys: Iterable[Key]) -> None:
    """Show that a newer message of these accounts was refused."""
    parameters = _split(keys)
    if parameters["servers"]:
        await MARK_ERROR.execute(connection, parameters)


async def mark_stale(connection: Connection, *, freshness_s: int, most: int) -> int:
    """Show as stale the accounts whose snapshot grew too old; how many, at most `most`."""
    return await MARK_STALE.execute(connection, {"freshness_s": freshness_s, "most": most})


async def count_accounts(connection: Connection) -> dict[str, int]:
    """How many accounts there are of each status that any has."""
    return {row["sync_status"]: row["accounts"] for row in await COUNT.fetch(connection)}


async def write_logs(connection: Connection, logs: Sequence[SyncLog], *, now: datetime) -> None:
    """Append to user_mt5_sync_logs."""
    await LOG.execute(connection, LOG_ROWS.parameters(logs) | {"synced_at": now})


def _split(keys: Iterable[Key]) -> dict[str, list[Any]]:
    ordered = sorted(set(keys))
    return {"servers": [server for server, _ in ordered], "logins": [login for _, login in ordered]}


def _account_row(snapshot: AccountSnapshot, status: SyncStatus, now: datetime) -> tuple[Any, ...]:
    """In the order of `ACCOUNT_ROWS`."""
    account = snapshot.account
    return (
        snapshot.user_id,
        account.login,
        account.server,
        account.broker,
        account.currency,
        snapshot.balance,
        snapshot.equity,
        snapshot.margin_used,
        snapshot.margin_free,
        account.leverage,
        snapshot.open_positions_count,
        snapshot.total_positions_volume,
        account.is_demo,
        status,
        snapshot.captured_at,
        now,
    )


def _details_row(snapshot: AccountSnapshot, now: datetime) -> tuple[Any, ...]:
    """In the order of `DETAILS_ROWS`."""
    account = snapshot.account
    return (account.digits, account.margin_mode, account.trade_allowed, now, account.server, account.login)
