"""What the broker has delivered and nobody has settled yet, in lanes."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from aiormq.abc import DeliveredMessage

    from shared.messaging.delivery import Delivery


@dataclass(frozen=True, slots=True)
class Received:
    """A message as it came, and as it was read; `arrived_at` by the monotonic clock."""

    message: DeliveredMessage
    delivery: Delivery
    arrived_at: float = field(default_factory=time.monotonic)

    @property
    def tag(self) -> int:
        """What the broker calls this delivery."""
        return self.message.delivery_tag or 0


class Inbox:
    """Bounded by the prefetch. `received` counts what ever came.

    Messages with the same key are in the same lane, in the order in which they came. Each lane's batches are decided
    one after the other, the lanes side by side: while the database works for one, Python works for another, and since
    they share no key, they do not wait for each other's locks.
    """

    def __init__(self, lanes: int) -> None:
        self.received = 0
        self._lanes: list[deque[Received]] = [deque() for _ in range(lanes)]
        self._changed = [asyncio.Event() for _ in range(lanes)]
        self._unsettled: deque[Received] = deque()
        self._settled: set[int] = set()
        self._closed = False
        self.acknowledging = asyncio.Lock()
        """Held from `settle` until the broker is told: it takes tags in rising order only."""

    @property
    def lanes(self) -> int:
        """How many there are."""
        return len(self._lanes)

    @property
    def is_idle(self) -> bool:
        """Whether all that came is settled."""
        return not self._unsettled

    def put(self, received: Received, *, key: str | None) -> None:
        """Add a message. It never waits: the broker's prefetch is the bound."""
        lane = crc32(key.encode()) % len(self._lanes) if key else 0
        self._lanes[lane].append(received)
        self._unsettled.append(received)
        self.received += 1
        self._changed[lane].set()

    def close(self, *, discard: bool) -> None:
        """Let `take` end once its lane is empty; `discard` what is waiting where it is no longer ours to settle."""
        self._closed = True
        for lane, changed in zip(self._lanes, self._changed, strict=True):
            if discard:
                lane.clear()
            changed.set()

    def unsettled(self) -> list[Received]:
        """What would be delivered again if the link were lost."""
        return list(self._unsettled)

    async def take(self, lane: int, most: int) -> list[Received]:
        """What is waiting, at most `most`; waits only for the first. Empty when closed and drained."""
        waiting, changed = self._lanes[lane], self._changed[lane]
        while not waiting and not self._closed:
            changed.clear()
            await changed.wait()
        return [waiting.popleft() for _ in range(min(most, len(waiting)))]

    def settle(self, batch: list[Received]) -> int | None:
        """Note that a batch is settled; up to which tag everything is now, None where that is no news."""
        self._settled.update(received.tag for received in batch)
        last = None
        while self._unsettled and self._unsettled[0].tag in self._settled:
            last = self._unsettled.popleft().tag
            self._settled.discard(last)
        return last

    def single_out(self, batch: list[Received]) -> list[int]:
        """The tags of those settled that come after one that is not, and are to be acknowledged by themselves."""
        tags = {received.tag for received in batch} & self._settled
        if tags:
            self._settled -= tags
            self._unsettled = deque(received for received in self._unsettled if received.tag not in tags)
        return sorted(tags)
