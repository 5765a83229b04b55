"""Sends notices, never more than so many of a kind in an hour, and never in the way of who offers them."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress

import structlog
from limits import RateLimitItem
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from services.config_service.counts import NOTICES
from services.config_service.notifications.notices import Notice
from services.config_service.settings import NoticeKind
from shared.notifying import Channels

log = structlog.get_logger()

WAITING_MAX = 100
SUMMARY_CHECK_S = 30.0
"""How often it is looked whether what was held back may be told of."""


class Dispatcher:
    """Takes notices of the operator's `kinds`, at most `limit` of each kind, and sends them one after the other."""

    def __init__(
        self,
        channels: Channels,
        *,
        kinds: frozenset[str],
        limit: RateLimitItem,
        summary_check_s: float = SUMMARY_CHECK_S,
    ) -> None:
        self.kinds = kinds
        self._channels = channels
        self._limit = limit
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._waiting: asyncio.Queue[Notice] = asyncio.Queue(WAITING_MAX)
        self._held_back: Counter[NoticeKind] = Counter()
        self._summary_check_s = summary_check_s

    def offer(self, notice: Notice) -> None:
        """Have a notice sent, unless it is of no kind that the operator wants; what is too much is counted instead."""
        if notice.kind not in self.kinds:
            return
        if self._waiting.full() or not self._limiter.hit(self._limit, notice.kind):
            self._held_back[notice.kind] += 1
            NOTICES.labels(notice.kind, "held_back").inc()
            log.warning("notice.held_back", kind=notice.kind, title=notice.title)
            return
        self._waiting.put_nowait(notice)

    async def settled(self) -> None:
        """Return once every notice that was offered is sent, failed or held back."""
        await self._waiting.join()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._summary_check_s):
                    notice = await self._waiting.get()
                await self._send(notice)
                self._waiting.task_done()
                continue
            await self._summarise()

    async def _summarise(self) -> None:
        """Tell how much was held back of each kind that has room again."""
        for kind in [kind for kind in self._held_back if self._limiter.hit(self._limit, kind)]:
            count = self._held_back.pop(kind)
            body = "There were more of them than LOTWISE_NOTIFY_PER_HOUR allows. The page and `lotwise` show them all."
            await self._send(Notice(kind, f"{count} notices of kind {kind} were held back", body, "warning"))

    async def _send(self, notice: Notice) -> None:
        failed = await self._channels.send(f"Lotwise: {notice.title}", notice.body, notice.severity)
        NOTICES.labels(notice.kind, "failed" if failed else "sent").inc()
        if failed:
            log.warning("notice.failed", kind=notice.kind, title=notice.title, channels=failed)
        else:
            log.info("notice.sent", kind=notice.kind, title=notice.title)
