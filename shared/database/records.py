"""The stored proof of decisions: each record with its reply, one by its request, or all of a span of time.

Read page by page, each page a statement of its own: the memory is one page's, and no snapshot is held that would keep
the database from cleaning up, however long the reader takes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.transaction import transaction

PAGE_ROWS = 1000

Moment = datetime | timedelta | None
"""A time, or how long ago; None: no bound."""

ONE = text("""
    SELECT record.request_id, record.engine_version, record.record, decision.reply, record.decided_at,
           first.record AS first_record
    FROM decision_records AS record JOIN decisions AS decision USING (request_id)
    LEFT JOIN decision_records AS first ON first.request_id = record.reservations_of
    WHERE record.request_id = :request_id
""")

CLOCK = text("SELECT clock_timestamp()")

ACCOUNT = text("SELECT id FROM user_mt5_accounts WHERE mt5_server = :server AND mt5_account_id = :login")

_SPAN = """
    record.decided_at >= COALESCE(CAST(:since AS timestamptz), '-infinity') AND record.decided_at < :until
    AND (CAST(:account AS bigint) IS NULL OR record.user_mt5_account_id = :account)
"""

COUNT = text(f"SELECT count(*) FROM decision_records AS record WHERE {_SPAN}")  # noqa: S608  our own text

PAGE = text(f"""
    SELECT record.request_id, record.engine_version, record.record, decision.reply, record.decided_at
    FROM decision_records AS record JOIN decisions AS decision USING (request_id)
    WHERE {_SPAN} AND (record.decided_at, record.request_id) > (:after_time, :after_id)
    ORDER BY record.decided_at, record.request_id
    LIMIT :rows
""")  # noqa: S608  our own text

NEWEST = text("""
    SELECT record.request_id, record.engine_version, record.record, decision.reply, record.decided_at
    FROM decision_records AS record JOIN decisions AS decision USING (request_id)
    WHERE record.decided_at >= clock_timestamp() - CAST(:within AS interval)
    ORDER BY record.decided_at DESC LIMIT :rows
""")

_BEFORE_ALL = (datetime.fromisoformat("0001-01-01T00:00:00+00:00"), UUID(int=0))


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision's record, still encoded, with the reply that was given, byte for byte.

    `first_record`: where one was decided before it in the same transaction, on the same account, that one's record: it
    lists the reservations that both saw. Only `load_record` gives it.
    """

    request_id: UUID
    engine_version: int
    record: bytes
    reply: bytes
    decided_at: datetime
    first_record: bytes | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Which decisions: made from `since` on and before `until`, of one account or of all."""

    since: datetime | None
    until: datetime
    account_id: int | None


async def load_record(engine: AsyncEngine, request_id: UUID) -> StoredDecision | None:
    """The decision of a request; None where it was never decided, or is no longer remembered."""
    async with transaction(engine) as connection:
        row = (await connection.execute(ONE, {"request_id": request_id})).one_or_none()
    return None if row is None else StoredDecision(*row)


async def newest_records(engine: AsyncEngine, *, within: timedelta, rows: int) -> Sequence[StoredDecision]:
    """The decisions made `within` the time before now, by the database's clock: the newest `rows`, newest first."""
    async with transaction(engine) as connection:
        found = (await connection.execute(NEWEST, {"within": within, "rows": rows})).all()
    return [StoredDecision(*row) for row in found]


async def span_of(engine: AsyncEngine, *, since: Moment, until: Moment, account_id: int | None) -> Span:
    """The span that is meant now, by the database's clock; it ends now at the latest, so that reading it ends too."""
    async with transaction(engine) as connection:
        now: datetime = (await connection.execute(CLOCK)).scalar_one()
    end = _time(until, now) or now
    return Span(_time(since, now), min(end, now), account_id)


async def find_account(engine: AsyncEngine, *, login: int, server: str) -> int | None:
    """The id of an account; None where it is not known."""
    async with transaction(engine) as connection:
        found: int | None = (await connection.execute(ACCOUNT, {"server": server, "login": login})).scalar()
    return found


async def count_records(engine: AsyncEngine, span: Span) -> int:
    """How many decisions the span holds."""
    async with transaction(engine) as connection:
        count: int = (await connection.execute(COUNT, _parameters(span))).scalar_one()
    return count


async def read_records(
    engine: AsyncEngine, span: Span, *, page_rows: int = PAGE_ROWS
) -> AsyncIterator[Sequence[StoredDecision]]:
    """The decisions of the span, oldest first, in pages of `page_rows`."""
    after_time, after_id = _BEFORE_ALL
    while True:
        after = {"after_time": after_time, "after_id": after_id, "rows": page_rows}
        async with transaction(engine) as connection:
            rows = (await connection.execute(PAGE, _parameters(span) | after)).all()
        page = [StoredDecision(*row) for row in rows]
        if page:
            yield page
        if len(page) < page_rows:
            return
        after_time, after_id = page[-1].decided_at, page[-1].request_id


def _parameters(span: Span) -> dict[str, object]:
    return {"since": span.since, "until": span.until, "account": span.account_id}


def _time(moment: Moment, now: datetime) -> datetime | None:
    return now - moment if isinstance(moment, timedelta) else moment
