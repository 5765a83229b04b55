"""Replicas of the dial, on a real database: what a command does, without the doors that it comes in by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from dev.waiting import eventually
from services.config_service.changes import Changes
from services.config_service.schedule import Ended
from services.config_service.verdict import Applied, Cancelled, Order, Planned, Refused, Verdict
from shared.schemas.config import AnyCommand, ConfigCommand, Schedule

GRACE_S = 300.0

# Time that passes is time by which everything planned lies further back.
LET_PASS = """
    UPDATE risk_configuration_schedules SET effective_at = effective_at - CAST(:span AS interval),
                                            planned_at = planned_at - CAST(:span AS interval)
"""


def command(**fields: Any) -> AnyCommand:
    """A command under a new id; `set_risk_percent` to 2.5 unless said otherwise."""
    given = {"command_id": str(uuid4()), "command": "set_risk_percent", **fields}
    if given["command"] == "set_risk_percent":
        given.setdefault("new_risk_percent", "2.5")
    return ConfigCommand.model_validate(given).root


def plan(*, ahead_s: float = 60, **fields: Any) -> AnyCommand:
    """A command that plans 2 % in so many seconds, by this machine's clock."""
    effective_at = (datetime.now(UTC) + timedelta(seconds=ahead_s)).isoformat()
    given = {"command": "schedule_risk_percent", "new_risk_percent": "2", "effective_at": effective_at}
    return command(**given | fields)


class Dial:
    """One replica of the config service, and the operator's look at the tables."""

    def __init__(self, engine: AsyncEngine, *, operator: AsyncEngine | None = None) -> None:
        self.changes = Changes(engine, command_s=30, timeout_s=20)
        self._engine = engine
        self._operator = operator or engine

    async def give(self, given: AnyCommand, *, by: str = "owner-1") -> Verdict:
        """Give a command, now."""
        return await self.changes.apply(Order(given, by))

    async def apply(self, given: AnyCommand, *, by: str = "owner-1") -> Applied:
        """Give a command that makes a version."""
        verdict = await self.give(given, by=by)
        if not isinstance(verdict, Applied):
            raise AssertionError(f"not applied: {verdict}")
        return verdict

    async def plan(self, given: AnyCommand) -> Schedule:
        """Give a command that plans a change."""
        verdict = await self.give(given)
        if not isinstance(verdict, Planned):
            raise AssertionError(f"not planned: {verdict}")
        return verdict.schedule

    async def cancel(self, schedule_id: UUID, **fields: Any) -> Cancelled | Refused:
        """Take a planned change back."""
        verdict = await self.give(command(command="cancel_schedule", schedule_id=str(schedule_id), **fields))
        if not isinstance(verdict, Cancelled | Refused):
            raise AssertionError(f"no answer to a cancellation: {verdict}")
        return verdict

    async def end_due(self) -> Ended | float | None:
        """What the clock does at each of its turns."""
        return await self.changes.end_due_schedule(grace_s=GRACE_S)

    async def ended(self) -> Ended:
        """The next that is due, as soon as it is."""

        async def look() -> list[Ended]:
            turn = await self.end_due()
            return [turn] if isinstance(turn, Ended) else []

        (ended,) = await eventually(look)
        return ended

    async def schedules(self, **page: Any) -> list[Schedule]:
        """What the owner sees."""
        return await self.changes.schedules(**{"limit": 50, "before": None, "state": None, **page})

    async def versions(self) -> list[Row[Any]]:
        """The history, oldest first."""
        return await self.rows("SELECT * FROM risk_configuration_history ORDER BY config_version")

    async def rows(self, query: str) -> list[Row[Any]]:
        """What the database holds."""
        async with self._engine.connect() as connection:
            return list((await connection.execute(text(query))).all())

    async def let_pass(self, seconds: float) -> None:
        """Time passes: nobody but the operator could move what is planned."""
        async with self._operator.begin() as connection:
            await connection.execute(text(LET_PASS), {"span": timedelta(seconds=seconds)})
