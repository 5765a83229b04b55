"""The handlers of the bridge's and the signal engine's messages, called directly, on a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from dev.waiting import eventually
from services.sizing_worker.configuration import CurrentConfiguration
from services.sizing_worker.handler import SizingHandler
from services.sync_consumer.handler import SyncHandler
from shared.messaging.outcomes import Ack, Outcome
from shared.schemas.sizing import SizingDecision, SizingOutcome, SizingRequest
from shared.sizing.configuration import Rules
from tests import builders

USER, LOGIN = "u-1", 1
REQUEST_S = 60

# Time that passes is time by which everything stored lies further back.
LET_PASS = """
    WITH accounts AS (UPDATE user_mt5_accounts SET last_synced_at = last_synced_at - CAST(:span AS interval)),
         details AS (UPDATE user_mt5_account_details SET arrived_at = arrived_at - CAST(:span AS interval)),
         specs AS (UPDATE mt5_instruments SET captured_at = captured_at - CAST(:span AS interval)),
         reservations AS (UPDATE margin_reservations SET decided_at = decided_at - CAST(:span AS interval),
                                                         expires_at = expires_at - CAST(:span AS interval))
    UPDATE sizing_outcomes SET occurred_at = occurred_at - CAST(:span AS interval),
                               arrived_at = arrived_at - CAST(:span AS interval)
"""

WAITING = """
    SELECT count(*) AS waiting FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
"""


def worker(engine: AsyncEngine, *, rules: Rules | None = None) -> SizingHandler:
    """A sizing worker's handler, under the default rules."""
    return SizingHandler(engine, CurrentConfiguration(), rules=rules or Rules(), request_s=REQUEST_S)


def decision_of(outcome: Outcome) -> SizingDecision:
    """The reply of an outcome."""
    if not isinstance(outcome, Ack) or outcome.reply is None:
        raise AssertionError(f"not answered: {outcome}")
    return SizingDecision.model_validate_json(outcome.reply.body)


class Desk:
    """One user's bridge and signal engine, with the handlers behind them: no broker between."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.worker = worker(engine)
        self.sync = SyncHandler(engine, freshness_s=300)

    async def report(self, **fields: Any) -> list[Outcome]:
        """The bridge reports the account: 10,000.00 USD at 1:100, all of it free, captured now."""
        snapshot = builders.snapshot(**{"user_id": USER, "login": LOGIN, **fields})
        return list(await self.sync([builders.delivery(snapshot, type="account.snapshot.v1")]))

    async def publish(self, *specs: dict[str, Any], **fields: Any) -> None:
        """The bridge publishes specs; gold's, where none is given."""
        message = builders.instruments(
            **{"user_id": USER, "login": LOGIN, "specs": list(specs) or [builders.gold()], **fields}
        )
        await self.sync([builders.delivery(message, type="account.instruments.v1")])

    async def ask(self, **fields: Any) -> SizingDecision:
        """The signal engine asks for a setup: 1,169.22 USD of margin, where nothing else is said."""
        (decision,) = await self.ask_at_once(request(**fields))
        return decision

    async def ask_at_once(self, *requests: SizingRequest) -> list[SizingDecision]:
        """Several setups in one batch."""
        outcomes = await self.worker([builders.delivery(one) for one in requests])
        return [decision_of(outcome) for outcome in outcomes]

    async def tell(self, request_id: UUID | None, outcome: str, **fields: Any) -> None:
        """The signal engine tells what became of a setup."""
        if request_id is None:
            raise AssertionError("a decision without a request_id has no outcome")
        await self.tell_at_once(builders.outcome(request_id, outcome, **fields))

    async def tell_at_once(self, *outcomes: SizingOutcome) -> None:
        """Several outcomes in one batch."""
        await self.worker([builders.delivery(outcome) for outcome in outcomes])

    async def reserved(self, **fields: Any) -> Decimal:
        """What the account's live reservations hold: told by a setup that is far too big, and so reserves nothing."""
        probe = await self.ask(entries=[builders.entry("1950.00", "1949.99")], **fields)
        if probe.status == "approved" or probe.summary.margin_reserved is None:
            raise AssertionError(f"the probe was not refused for its margin: {probe.reasons}")
        return probe.summary.margin_reserved

    async def let_pass(self, seconds: float) -> None:
        """Time passes."""
        async with self.engine.begin() as connection:
            await connection.execute(text(LET_PASS), {"span": timedelta(seconds=seconds)})

    async def rows(self, query: str, **parameters: Any) -> list[Row[Any]]:
        """What the database holds."""
        async with self.engine.connect() as connection:
            return list((await connection.execute(text(query), parameters)).all())

    async def waiting_for_locks(self, count: int) -> None:
        """Return once `count` transactions wait for an advisory lock."""

        async def look() -> bool:
            return bool((await self.rows(WAITING))[0].waiting == count)

        await eventually(look)


def request(**fields: Any) -> SizingRequest:
    """A request of the desk's user."""
    return builders.request(**{"user_id": USER, **fields})


def ago(seconds: float) -> str:
    """A time of the past, or with a negative number of the future, for a message."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
