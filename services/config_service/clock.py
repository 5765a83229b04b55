"""The clock of planned changes: ends each when it is due, by the database's time, in every replica at once.

Whichever replica has the lock first applies it; for the others it has ended then.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from services.config_service.changes import Changes
from services.config_service.counts import SCHEDULES_ENDED
from services.config_service.schedule import Ended
from shared.errors import DependencyError
from shared.messaging.publisher import Outgoing, Publisher
from shared.messaging.topology import EVENTS, KEY_SCHEDULE_ENDED
from shared.schemas.config import Schedule
from shared.schemas.decoding import schema_name

log = structlog.get_logger()

POLL_S = 0.5
"""The longest that a change waits which another replica planned; our own are awaited to the millisecond."""


class ScheduleClock:
    """Applies planned changes when they are due; one that nobody could apply within `grace_s` seconds is missed."""

    def __init__(self, changes: Changes, publisher: Publisher, *, grace_s: float) -> None:
        self._changes = changes
        self._publisher = publisher
        self._grace_s = grace_s

    async def run(self) -> None:
        """End what is due until cancelled. What fails is tried again."""
        while True:
            self._changes.planned.clear()
            wait_s = await self._turn()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._changes.planned.wait()

    async def _turn(self) -> float:
        """Look once; how long to wait before the next look, in seconds."""
        try:
            ended = await self._changes.end_due_schedule(grace_s=self._grace_s)
        except DependencyError as error:
            log.warning("schedule.delayed", cause=str(error))
            return POLL_S
        if isinstance(ended, Ended):
            await self._announce(ended.schedule)
            return 0
        return POLL_S if ended is None else min(max(ended, 0), POLL_S)

    async def _announce(self, schedule: Schedule) -> None:
        SCHEDULES_ENDED.labels(schedule.state).inc()
        report = log.info if schedule.state == "applied" else log.warning
        report(
            f"schedule.{schedule.state}",
            schedule_id=str(schedule.schedule_id),
            effective_at=schedule.effective_at.isoformat(),
            config_version=schedule.config_version,
        )
        event = Outgoing(EVENTS, KEY_SCHEDULE_ENDED, schedule.to_json(), schema_name(schedule), mandatory=False)
        await self._publisher.publish_events([event])
