"""What decisions can be told from: their stored records, to explain one and to simulate the newest.

Both are pure arithmetic: a simulation 0.2 ms for each decision where it was measured, an explanation 0.5 ms, and 3 ms
where the account held 500 reservations. They run in threads, simulations one at a time, so that the dial and the stream
go on beside them.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.records import StoredDecision, load_record, newest_records
from shared.schemas.sizing import SizingDecision
from shared.sizing.explained import Explanation
from shared.sizing.explanation import explain
from shared.sizing.record import decode_record
from shared.sizing.simulation import Simulated

SIMULATED_WITHIN = timedelta(hours=24)
SIMULATED_MAX = 2000
"""Decisions of one simulation, the newest. `lotwise simulate` has no such bound."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision's reply and how it came about; `explanation` is None where this release cannot read its record."""

    reply: SizingDecision
    explanation: Explanation | None


@dataclass(frozen=True, slots=True)
class SimulatedDay:
    """A simulation, of decisions made from `since` on (None: there were none); `is_cut`: there were older ones too."""

    result: Simulated
    since: datetime | None
    is_cut: bool


class Proofs:
    """Reads the records. Raises DependencyError where the database is away, or takes too long."""

    def __init__(self, engine: AsyncEngine, *, simulated_max: int = SIMULATED_MAX) -> None:
        self._engine = engine
        self._simulated_max = simulated_max
        self._one_at_a_time = asyncio.Lock()

    @property
    def is_simulating(self) -> bool:
        """Whether a simulation runs now; another would have to wait."""
        return self._one_at_a_time.locked()

    async def explain(self, request_id: UUID) -> Explained | None:
        """How a decision came about; None where none is remembered."""
        stored = await load_record(self._engine, request_id)
        return None if stored is None else await asyncio.to_thread(_explained, stored)

    async def simulate(self, risk_percent: Decimal) -> SimulatedDay:
        """The newest decisions of the last 24 hours under another percent. Raises ValueError for one that is not
        allowed."""
        async with self._one_at_a_time:
            found = await newest_records(self._engine, within=SIMULATED_WITHIN, rows=self._simulated_max + 1)
            page = found[: self._simulated_max]
            result = await asyncio.to_thread(_simulate, page, risk_percent)
        return SimulatedDay(result, page[-1].decided_at if page else None, is_cut=len(found) > len(page))


def _explained(stored: StoredDecision) -> Explained:
    reply = SizingDecision.model_validate_json(stored.reply)
    try:
        return Explained(reply, explain(decode_record(stored.record, stored.first_record), reply))
    except (ValidationError, zlib.error):
        return Explained(reply, None)


def _simulate(page: Sequence[StoredDecision], risk_percent: Decimal) -> Simulated:
    result = Simulated()
    for stored in page:
        result.count(stored.record, stored.reply, risk_percent=risk_percent)
    return result
