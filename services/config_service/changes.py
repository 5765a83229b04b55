"""Applies the owner's commands, from wherever they come: one transaction each, one answer each, never later."""

from __future__ import annotations

import asyncio
from uuid import UUID

import stamina
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from services.config_service import dial, schedule_store, store
from services.config_service.counts import RISK_PERCENT
from services.config_service.schedule import Ended, end_due
from services.config_service.verdict import Applied, Order, Planned, Refused, Verdict, refuse
from shared import metrics
from shared.database.transaction import transaction
from shared.errors import DependencyError
from shared.schemas.config import ConfigChanged, Schedule, ScheduleState

log = structlog.get_logger()

ATTEMPTS = 4
ATTEMPT_WAIT_MAX_S = 1.0


class Changes:
    """Changes and reads the configuration. `command_s`: the age at which a command has expired, in seconds.

    `timeout_s` bounds the attempts at one command: whoever gave it still listens, and is told the truth.
    """

    def __init__(self, engine: AsyncEngine, *, command_s: float, timeout_s: float) -> None:
        self._engine = engine
        self._command_s = command_s
        self._timeout_s = timeout_s
        self.latest: ConfigChanged | None = None
        """The newest version that this process has seen."""
        self._watchers: list[asyncio.Event] = []
        self.committed = asyncio.Event()
        """Set when there is something new to broadcast."""
        self.planned = asyncio.Event()
        """Set when there is something new to wait for."""

    @property
    def latest_version(self) -> int | None:
        """The highest version that this process has seen."""
        return self.latest.config_version if self.latest else None

    def watch(self) -> asyncio.Event:
        """An event of the caller's own, set whenever a newer version was seen."""
        self._watchers.append(news := asyncio.Event())
        return news

    def hear(self, changed: ConfigChanged) -> None:
        """Take a broadcast: what another replica committed, or this one."""
        self._saw(changed)

    async def apply(self, order: Order) -> Verdict:
        """Apply a command, or say why not. Raises nothing that waiting can mend.

        Where the database does not answer, the command is tried again for a moment, which also settles what became of
        a commit whose confirmation was lost, because a command_id has one effect. Then the answer is `try_again`.
        """
        refused = dial.check(order.command)
        if refused is not None:
            return refused
        try:
            async with asyncio.timeout(self._timeout_s):
                verdict = await self._attempts(order)
        except (DependencyError, TimeoutError) as error:
            log.warning("command.not_applied", command_id=order.command.command_id, cause=str(error) or "timed out")
            return refuse("try_again", "cannot be applied now; send it again under the same command_id")
        if isinstance(verdict, Applied):
            self._committed(verdict)
        elif isinstance(verdict, Planned):
            self.planned.set()
        return verdict

    async def end_due_schedule(self, *, grace_s: float) -> Ended | float | None:
        """Apply the planned change that is due, or mark it missed where it is overdue by more than `grace_s` seconds.

        Where none is due, the seconds until the next is, or None where none is planned. Raises DependencyError. Any
        number of replicas may try: they wait for each other, and a schedule ends once.
        """
        async with transaction(self._engine) as connection:
            upcoming = await schedule_store.read_next(connection)
        if upcoming is None or upcoming.due_in_s > 0:
            return upcoming.due_in_s if upcoming else None
        async with transaction(self._engine) as connection:
            await store.lock_head(connection)
            head = await store.read_head(connection)
            upcoming = await schedule_store.read_next(connection)
            if upcoming is None or upcoming.due_in_s > 0:
                return upcoming.due_in_s if upcoming else None
            ended = end_due(upcoming.schedule, current=head.config, now=head.now, grace_s=grace_s)
            if ended.applied:
                await store.insert_version(connection, ended.applied.config)
            await schedule_store.insert_end(connection, ended.schedule)
        if ended.applied:
            self._committed(ended.applied)
        return ended

    async def current(self) -> ConfigChanged:
        """The configuration in force. Raises DependencyError."""
        async with transaction(self._engine) as connection:
            head = await store.read_head(connection)
        self._saw(head.config)
        return head.config

    async def refresh(self) -> None:
        """Look at the version in force. Raises DependencyError."""
        await self.current()

    async def always_ready(self) -> None:
        """Take commands whatever the database does: one that cannot be applied now is answered so, not kept waiting."""

    async def history(self, *, limit: int, before: int | None) -> list[ConfigChanged]:
        """At most `limit` versions below `before`, the newest first. Raises DependencyError."""
        async with transaction(self._engine) as connection:
            return await store.read_history(connection, limit=limit, before=before)

    async def after(self, version: int, *, limit: int) -> list[ConfigChanged]:
        """At most `limit` versions above `version`, the oldest first. Raises DependencyError."""
        async with transaction(self._engine) as connection:
            return await store.read_after(connection, version, limit=limit)

    async def schedules(self, *, limit: int, before: UUID | None, state: ScheduleState | None) -> list[Schedule]:
        """At most `limit` schedules planned earlier than `before`, the last planned first. Raises DependencyError."""
        async with transaction(self._engine) as connection:
            return await schedule_store.read_schedules(connection, limit=limit, before=before, state=state)

    async def _attempts(self, order: Order) -> Verdict:
        async for attempt in stamina.retry_context(
            on=DependencyError, attempts=ATTEMPTS, wait_max=ATTEMPT_WAIT_MAX_S, timeout=None
        ):
            with attempt:
                return await self._attempt(order)
        raise AssertionError("a retried block either returns or raises")

    async def _attempt(self, order: Order) -> Verdict:
        async with transaction(self._engine) as connection:
            await store.lock_head(connection)
            head = await store.read_head(connection)
            known = await store.find_command(connection, order.command.command_id)
            plans = await schedule_store.read_plans(connection, order.command)
            verdict = dial.decide(order, head.config, now=head.now, known=known, plans=plans, command_s=self._command_s)
            if not isinstance(verdict, Refused) and not verdict.repeated:
                await store.save(connection, verdict, order, dial.content_hash(order))
        return verdict

    def _committed(self, applied: Applied) -> None:
        self._saw(applied.config)
        self.committed.set()

    def _saw(self, config: ConfigChanged) -> None:
        if self.latest is not None and config.config_version <= self.latest.config_version:
            return
        self.latest = config
        metrics.CONFIG_VERSION.set(config.config_version)
        RISK_PERCENT.set(float(config.fixed_risk_percent))
        for news in self._watchers:
            news.set()
