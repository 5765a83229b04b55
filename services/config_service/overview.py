"""What the last day came to: decisions by reason, accounts by state, deliveries by outcome.

Every query reads a bounded number of rows, however long the logs are, on the connections of look-ups: whoever looks
cannot keep a decision waiting.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.database.transaction import transaction
from shared.schemas.sizing import Status
from shared.sizing.reply import ERRORS

SAMPLE_MAX = 10_000
"""Rows of a log that one look reads, the newest; where the time asked for holds more, it is told so."""

# The newest rows by the key first, and of them those of the day: the other way round, a quiet day would have it read
# on through the whole log to fill its sample.
_DECISIONS = """
    WITH newest AS (
        SELECT created_at, rejection_reason FROM trade_setup_risk_logs {whose} ORDER BY id DESC LIMIT :rows
    )
    SELECT rejection_reason AS name, count(*) AS times, min(created_at) AS since FROM newest
    WHERE created_at > clock_timestamp() - interval '24 hours' GROUP BY rejection_reason
"""
_ACCOUNTS = """
    SELECT sync_status AS name, count(*) AS times, NULL AS since FROM user_mt5_accounts {whose} GROUP BY sync_status
"""

# A filter `:user_id IS NULL OR …` would use no index.
OF_ALL = {"whose": ""}
OF_ONE = {"whose": "WHERE user_id = :user_id"}
DECISIONS, DECISIONS_OF_ONE = (text(_DECISIONS.format(**whose)) for whose in (OF_ALL, OF_ONE))
ACCOUNTS, ACCOUNTS_OF_ONE = (text(_ACCOUNTS.format(**whose)) for whose in (OF_ALL, OF_ONE))

# Whole partitions, today's and yesterday's: every row of them counts, so that the sample is full without reading on.
DELIVERIES = text("""
    WITH newest AS (
        SELECT synced_at, COALESCE(error_code, sync_status) AS name FROM user_mt5_sync_logs
        WHERE synced_at >= date_trunc('day', now()) - interval '1 day' ORDER BY id DESC LIMIT :rows
    )
    SELECT name, count(*) AS times, min(synced_at) AS since FROM newest
    WHERE synced_at > clock_timestamp() - interval '1 hour' GROUP BY name
""")

CLOCK = text("SELECT clock_timestamp()")


@dataclass(frozen=True, slots=True)
class Sample:
    """How many rows bear each name, the oldest row's time, and whether older ones were left out."""

    counts: Counter[str | None]
    since: datetime | None
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """Decisions of 24 hours by reason (None: approved), accounts by state, deliveries of an hour by outcome or code.

    `deliveries` is None for a user: what is refused names others, too.
    """

    at: datetime
    decisions: Sample
    accounts: Counter[str | None]
    deliveries: Sample | None

    def decided(self, status: Status) -> int:
        """How many decisions ended so."""
        return sum(count for reason, count in self.decisions.counts.items() if _status(reason) == status)


class OverviewReading:
    """Reads. Raises DependencyError where the database is away, or takes too long."""

    def __init__(self, engine: AsyncEngine, *, sample_max: int = SAMPLE_MAX) -> None:
        self._engine = engine
        self._sample_max = sample_max

    async def everybody(self) -> Overview:
        """What all accounts and all decisions come to."""
        async with transaction(self._engine) as connection:
            return Overview(
                await _now(connection),
                await self._sample(connection, DECISIONS),
                (await self._sample(connection, ACCOUNTS)).counts,
                await self._sample(connection, DELIVERIES),
            )

    async def of(self, user_id: str) -> Overview:
        """What one user's come to."""
        async with transaction(self._engine) as connection:
            return Overview(
                await _now(connection),
                await self._sample(connection, DECISIONS_OF_ONE, user_id=user_id),
                (await self._sample(connection, ACCOUNTS_OF_ONE, user_id=user_id)).counts,
                None,
            )

    async def _sample(self, connection: AsyncConnection, query: TextClause, **whose: str) -> Sample:
        rows = (await connection.execute(query, {"rows": self._sample_max, **whose})).all()
        counts = Counter({row.name: row.times for row in rows})
        since = min((row.since for row in rows if row.since is not None), default=None)
        return Sample(counts, since, is_cut=counts.total() >= self._sample_max)


async def _now(connection: AsyncConnection) -> datetime:
    now: datetime = (await connection.execute(CLOCK)).scalar_one()
    return now


def _status(reason: str | None) -> Status:
    if reason is None:
        return "approved"
    return "error" if reason in ERRORS else "rejected"
