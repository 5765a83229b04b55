"""Looks for what people want to be told, as long as this replica is on duty; the dispatcher sends it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.config_service.counts import NOTICES_ON_DUTY
from services.config_service.latency import SlowMessages
from services.config_service.notifications.conditions import Conditions, Figures
from services.config_service.notifications.dispatch import Dispatcher
from services.config_service.notifications.duty import Position, read_news, read_position, record, try_to_take
from services.config_service.notifications.figures import read_accounts, read_baseline, read_decided
from services.config_service.notifications.notices import Notice, news
from services.config_service.notifications.parked import ParkedMarks
from shared.database.transaction import database_errors
from shared.errors import DependencyError

log = structlog.get_logger()

LOOK_S = 2.0
"""The longest that news waits of which no broadcast came, and that the duty stands vacant."""
BASELINE_S = 900.0
"""How often it is counted anew what is usual: it reads a day's decisions."""


class Lookout:
    """On a connection of its own, which the duty lives and dies with."""

    def __init__(
        self,
        engine: AsyncEngine,
        dispatcher: Dispatcher,
        *,
        news: asyncio.Event,
        slow: Callable[[], SlowMessages | None],
        parked: Callable[[], Mapping[str, int] | None],
        check_s: float,
        look_s: float = LOOK_S,
    ) -> None:
        """`news` is set when there is a new version; figures are looked at every `check_s` seconds.

        `slow` tells how many sizing requests took too long lately, `parked` how many messages lie in each queue; None
        is what nobody knows.
        """
        self._engine = engine
        self._dispatcher = dispatcher
        self._news = news
        self._slow = slow
        self._parked_now = parked
        self._check_s = check_s
        self._look_s = look_s
        self._conditions = Conditions()
        self._parked = ParkedMarks()
        self._baseline: Fraction | None = None
        self._baseline_at = self._checked_at = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set; what is being told then is told and written down before this returns.

        Where the database is away, the duty is tried for again once it is back.
        """
        while not stop.is_set():
            try:
                async with database_errors(), self._engine.connect() as connection:
                    await connection.execution_options(isolation_level="AUTOCOMMIT")
                    await self._serve(connection, stop)
            except DependencyError as error:
                log.warning("notices.delayed", cause=str(error))
                await self._until(stop)
            finally:
                NOTICES_ON_DUTY.set(0)

    async def _serve(self, connection: AsyncConnection, stop: asyncio.Event) -> None:
        while not await try_to_take(connection):
            await self._until(stop)
            if stop.is_set():
                return
        position = await read_position(connection)
        log.info("notices.on_duty")
        NOTICES_ON_DUTY.set(1)
        while not stop.is_set():
            position = await self._tell_news(connection, position)
            if time.monotonic() - self._checked_at >= self._check_s:
                self._checked_at = time.monotonic()
                await self._check(connection)
            await self._until(stop, self._news)
            self._news.clear()

    async def _until(self, *events: asyncio.Event) -> None:
        """Return when one of `events` is set, or it is time for the next look."""
        waiting = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(waiting, timeout=self._look_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    async def _tell_news(self, connection: AsyncConnection, since: Position) -> Position:
        """Tell a page of the news, and write down that it was told; returns how far people are told now."""
        found = await read_news(connection, since)
        if found.position == since:
            return since
        self._offer(news(found.versions, found.ends, self._dispatcher.kinds))
        await self._dispatcher.settled()
        await record(connection, found.position)
        return found.position

    async def _check(self, connection: AsyncConnection) -> None:
        """Look at what somebody wants to be told of; at the queues first, which need no query that could fail."""
        if "parked" in self._dispatcher.kinds:
            self._offer(self._parked.look(self._parked_now() or {}))
        if "condition" in self._dispatcher.kinds:
            await self._check_figures(connection)

    async def _check_figures(self, connection: AsyncConnection) -> None:
        """Judge the figures; where one cannot be read in time, the next check does, and the duty stays where it is."""
        try:
            async with database_errors():
                figures = await self._figures(connection)
        except DependencyError as error:
            if connection.invalidated:
                raise
            log.warning("notices.figures_unread", cause=str(error))
        else:
            self._offer(self._conditions.look(figures))

    def _offer(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            self._dispatcher.offer(notice)

    async def _figures(self, connection: AsyncConnection) -> Figures:
        if time.monotonic() - self._baseline_at >= BASELINE_S:
            self._baseline_at = time.monotonic()
            self._baseline = await read_baseline(connection)
        decided = await read_decided(connection)
        accounts, out_of_sync = await read_accounts(connection)
        slow = self._slow()
        return Figures(
            requests=decided.requests,
            approved=decided.approved,
            baseline=self._baseline,
            accounts=accounts,
            accounts_out_of_sync=out_of_sync,
            sized=slow.messages if slow else None,
            sized_slowly=slow.slow if slow else None,
        )
