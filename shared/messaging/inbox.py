"""What the broker has delivered and the handler has not taken yet."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiormq.abc import DeliveredMessage


class Inbox:
    """Bounded by the prefetch. `received` counts what ever came; `is_awaited`: somebody waits for a message now."""

    def __init__(self) -> None:
        self.received = 0
        self.is_awaited = False
        self._messages: deque[DeliveredMessage] = deque()
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, message: DeliveredMessage) -> None:
        """Add a message. It never waits: the broker's prefetch is the bound."""
        self._messages.append(message)
        self.received += 1
        self._changed.set()

    def close(self, *, discard: bool) -> None:
        """Let `take` end once the inbox is empty; `discard` what is in it where it is no longer ours to settle."""
        self._closed = True
        if discard:
            self._messages.clear()
        self._changed.set()

    def waiting(self) -> list[DeliveredMessage]:
        """What was not taken yet."""
        return list(self._messages)

    async def take(self, most: int) -> list[DeliveredMessage]:
        """What is waiting, at most `most`; waits only for the first. Empty when closed and drained."""
        self.is_awaited = True
        try:
            while not self._messages and not self._closed:
                self._changed.clear()
                await self._changed.wait()
        finally:
            self.is_awaited = False
        return [self._messages.popleft() for _ in range(min(most, len(self._messages)))]
