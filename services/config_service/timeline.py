"""Brings every version to the subscribers, in order and without a gap.

A broadcast is the news, the history is the truth: where versions were broadcast before we listened, overtook each
other or were lost, what lies between is read from the database.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from services.config_service.changes import Changes
from services.config_service.subscribers import Subscribers
from shared.errors import DependencyError

log = structlog.get_logger()

CHECK_S = 10.0
"""The longest that a version waits of which no broadcast came."""
RETRY_S = 1.0
PAGE_SIZE = 100


class Timeline:
    """Publishes what `changes` has seen, and what it missed."""

    def __init__(self, changes: Changes, subscribers: Subscribers) -> None:
        self._changes = changes
        self._subscribers = subscribers
        self._news = changes.watch()

    async def run(self) -> None:
        """Publish until cancelled. What fails is tried again."""
        heard = False
        while True:
            self._news.clear()
            wait_s = await self._turn(look=not heard)
            heard = await self._news_within(wait_s)

    async def _turn(self, *, look: bool) -> float:
        """Publish what there is, after a `look` into the database; how long to wait for news, in seconds."""
        try:
            if look:
                await self._changes.refresh()
            await self._publish()
        except DependencyError as error:
            log.warning("timeline.delayed", cause=str(error))
            return RETRY_S
        return CHECK_S

    async def _publish(self) -> None:
        latest, newest = self._changes.latest, self._subscribers.newest
        if latest is None:
            return
        if newest is None or latest.config_version == newest + 1:
            self._subscribers.publish(latest)
        elif latest.config_version > newest:
            await self._fill(newest)

    async def _fill(self, newest: int) -> None:
        while missed := await self._changes.after(newest, limit=PAGE_SIZE):
            for config in missed:
                self._subscribers.publish(config)
            newest = missed[-1].config_version

    async def _news_within(self, wait_s: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                return await self._news.wait()
        return False
