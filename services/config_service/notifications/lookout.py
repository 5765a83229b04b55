"""Looks for what people want to be told, as long as this replica is on duty; the dispatcher sends it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from fractions import Fraction

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.config_service.counts import NOTICES_ON_DUTY
from services.config_service.latency import SlowMessages
from services.config_service.notifications.conditions import Conditions, Figures
from services.config_service.notifications.dispatch import Dispatcher
from services.config_service.notifications.duty import Position, read_news, read_position, try_to_take
from services.config_service.notifications.figures import read_accounts, read_baseline, read_decided
from services.config_service.notifications.notices import news
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
        self._position: Position | None = None
        self._conditions = Conditions()
        self._parked = ParkedMarks()
        self._baseline: Fraction | None = None
        self._baseline_at = self._checked_at = float("-inf")

    async def run(self) -> None:
        """Look until cancelled. Where the database is away, the duty is tried for again once it is back."""
        while True:
            try:
                async with database_errors(), self._engine.connect() as connection:
                    await connection.execution_options(isolation_level="AUTOCOMMIT")
                    await self._serve(connection)
            except DependencyError as error:
                log.warning("notices.delayed", cause=str(error))
            finally:
                NOTICES_ON_DUTY.set(0)
            await asyncio.sleep(self._look_s)

    async def _serve(self, connection: AsyncConnection) -> None:
        position = await self._until_on_duty(connection)
        log.info("notices.on_duty")
        NOTICES_ON_DUTY.set(1)
        while True:
            position = self._position = await self._tell_news(connection, position)
            if time.monotonic() - self._checked_at >= self._check_s:
                self._checked_at = time.monotonic()
                await self._check(connection)
            await self._wait()

    async def _until_on_duty(self, connection: AsyncConnection) -> Position:
        """Return, once the duty is ours, where the news begins that nobody told; for the first replica, now."""
        while True:
            newest = await read_position(connection)  # before the try: what comes between them is told
            if await try_to_take(connection):
                return self._position or newest
            self._position = newest
            await self._wait()

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._look_s):
                await self._news.wait()
        self._news.clear()

    async def _tell_news(self, connection: AsyncConnection, since: Position) -> Position:
        found = await read_news(connection, since)
        for notice in news(found.versions, found.ends, self._dispatcher.kinds):
            self._dispatcher.offer(notice)
        return found.position

    async def _check(self, connection: AsyncConnection) -> None:
        """Look at the figures that somebody wants to be told of."""
        if "condition" in self._dispatcher.kinds:
            for notice in self._conditions.look(await self._figures(connection)):
                self._dispatcher.offer(notice)
        if "parked" in self._dispatcher.kinds:
            for notice in self._parked.look(self._parked_now() or {}):
                self._dispatcher.offer(notice)

    async def _figures(self, connection: AsyncConnection) -> Figures:
        if time.monotonic() - self._baseline_at >= BASELINE_S:
            self._baseline_at = time.monotonic()
            self._baseline = await read_baseline(connection)
        decided = await read_decided(connection)
        accounts, in_error = await read_accounts(connection)
        slow = self._slow()
        return Figures(
            requests=decided.requests,
            approved=decided.approved,
            baseline=self._baseline,
            accounts=accounts,
            accounts_in_error=in_error,
            sized=slow.messages if slow else None,
            sized_slowly=slow.slow if slow else None,
        )
