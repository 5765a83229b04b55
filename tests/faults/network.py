"""A network between the services and their servers that delays, slices, swallows, cuts, and half-cuts."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from tests.proxy import Connection, Flow, Proxy, Way

JITTER_SHARE = 0.25
"""Of the delay, more or less."""
SLICED = 0.1
"""So large a share of what is sent at once arrives in small pieces."""
PIECE_BYTES_MAX = 16
BETWEEN_PIECES_S = 0.001
ACK = bytes.fromhex("0000000d 003c 0050")
"""Within a frame of AMQP 0-9-1: the size of the payload, then class and method of Basic.Ack."""
COMMIT = b"COMMIT;"
"""As asyncpg says it, a query in plain text."""


class SlowNetwork(Proxy):
    """While `slow` everything arrives late, by about `delay_s`, in its order, and some of it in small pieces."""

    _chance = random.Random(17)  # noqa: S311 - to be repeated, not to be secret

    def __init__(self, url: str, *, delay_s: float) -> None:
        super().__init__(url)
        self._delay_s = delay_s
        self.slow = False

    async def treat(self, flow: Flow, data: bytes) -> None:
        """Write later what came now; what was delayed before goes first."""
        loop = asyncio.get_running_loop()
        jitter = self._chance.uniform(1 - JITTER_SHARE, 1 + JITTER_SHARE)
        delay_s = self._delay_s * jitter if self.slow else 0
        pieces = list(self._sliced(data)) if self.slow and self._chance.random() < SLICED else [data]
        flow.due_at = max(flow.due_at, loop.time() + delay_s)
        for piece in pieces:
            flow.due_at += BETWEEN_PIECES_S
            loop.call_at(flow.due_at, flow.sink.write, piece)

    def _sliced(self, data: bytes) -> Iterator[bytes]:
        start = 0
        while start < len(data):
            end = start + self._chance.randint(1, PIECE_BYTES_MAX)
            yield data[start:end]
            start = end


class BlackHole(Proxy):
    """Passes nothing in either direction while it is open, and says so to nobody; afterwards what is still awaited."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._flowing = asyncio.Event()
        self._flowing.set()

    @contextmanager
    def swallowing(self) -> Iterator[None]:
        """For the length of the block."""
        self._flowing.clear()
        try:
            yield
        finally:
            self._flowing.set()

    async def treat(self, flow: Flow, data: bytes) -> None:
        """Wait while it swallows."""
        await self._flowing.wait()
        await super().treat(flow, data)


class Stairway(Proxy):
    """Resets each new connection a little later than the last, in either direction in turn, until one ends before."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._steps: dict[Way, Iterator[int]] = {}
        self._cut_at: WeakKeyDictionary[Connection, tuple[Way, int]] = WeakKeyDictionary()
        self.resets = 0

    @property
    def is_climbed(self) -> bool:
        """Whether in both directions a connection came to its end before it was to be reset."""
        return not self._steps

    def climb(self, stride: int) -> None:
        """From now on: the first connection after `stride` bytes, the next in its direction so many bytes later."""
        self._steps = {"to server": itertools.count(stride, stride), "to client": itertools.count(stride, stride)}

    def stop(self) -> None:
        """Reset no more."""
        self._steps.clear()
        self._cut_at.clear()

    async def carry(self, flow: Flow) -> None:
        """Give up the direction in which there is nothing more to cut."""
        if flow.way == "to server" and self._steps:
            way = next(iter(self._steps))
            steps = self._steps.pop(way)
            self._cut_at[flow.connection] = way, next(steps)
            self._steps[way] = steps  # behind the other
        await super().carry(flow)
        uncut_way, _ = self._cut_at.get(flow.connection, (None, 0))
        if uncut_way == flow.way:
            self._steps.pop(flow.way, None)

    async def treat(self, flow: Flow, data: bytes) -> None:
        """Pass on what is before the cut."""
        way, offset = self._cut_at.get(flow.connection, (None, 0))
        if way != flow.way or flow.passed + len(data) < offset:
            await super().treat(flow, data)
            return
        self._cut_at.pop(flow.connection)
        self.resets += 1
        flow.sink.write(data[: offset - flow.passed])
        flow.connection.reset()


class AckThief(Proxy):
    """Resets a connection in place of the next acknowledgements that go one way: confirms to, or acks from a client."""

    def __init__(self, url: str, way: Way) -> None:
        super().__init__(url)
        self._way = way
        self.wanted = 0
        self.stolen = 0

    def steal(self, more: int) -> None:
        """So many."""
        self.wanted += more

    async def treat(self, flow: Flow, data: bytes) -> None:
        """Pass on what holds none of them."""
        if flow.way == self._way and self.stolen < self.wanted and ACK in data:
            self.stolen += 1
            flow.connection.reset()
        else:
            await super().treat(flow, data)


class CommitThief(Proxy):
    """Cuts the client off in place of its next commits; the server is not told, and keeps the transaction open."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._wanted = 0
        self.stolen = 0

    def steal(self, more: int) -> None:
        """So many."""
        self._wanted += more

    async def treat(self, flow: Flow, data: bytes) -> None:
        """Pass on what holds none of them."""
        if flow.way == "to server" and self.stolen < self._wanted and COMMIT in data:
            self.stolen += 1
            flow.connection.cut_client_off()
        else:
            await super().treat(flow, data)
