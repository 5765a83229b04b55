"""Who follows the live stream, and what each has still to get. Knows neither sockets nor the database."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shared.schemas.config import ConfigChanged

WAITING_MAX = 256
"""Versions that wait for one client; with one more it has fallen behind."""


@dataclass(frozen=True, slots=True)
class Version:
    """A configuration as every client gets it, encoded once for all of them."""

    number: int
    text: str

    @classmethod
    def of(cls, config: ConfigChanged) -> Version:
        """Encode a configuration."""
        return cls(config.config_version, config.to_json().decode())


class Subscriber:
    """One client's way to the versions: in their order, none twice, none older than one it has got."""

    def __init__(self, *, waiting_max: int = WAITING_MAX) -> None:
        self._waiting: deque[Version] = deque()
        self._waiting_max = waiting_max
        self._filled = asyncio.Event()
        self._given = 0
        self.behind = asyncio.Event()
        """Set once more was waiting than may: it gets nothing any more."""

    def begin(self, version: Version) -> None:
        """Let it get `version` first, and of what waits already only what is newer."""
        self._waiting.appendleft(version)
        self._filled.set()

    def offer(self, version: Version) -> None:
        """Let it get `version` after what waits already. Never blocks, whatever its client does."""
        if self.behind.is_set():
            return
        if len(self._waiting) < self._waiting_max:
            self._waiting.append(version)
            self._filled.set()
        else:
            self._waiting.clear()
            self._filled.clear()
            self.behind.set()

    async def next(self) -> Version:
        """The next version, as soon as there is one."""
        while True:
            await self._filled.wait()
            version = self._waiting.popleft()
            if not self._waiting:
                self._filled.clear()
            if version.number > self._given:
                self._given = version.number
                return version


class Subscribers:
    """Everyone who follows, at most `most`; each gets every version that is published while it does."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._subscribers: set[Subscriber] = set()
        self.newest: int | None = None
        """The last version published; None before the first, when there is nothing to follow yet."""

    def __len__(self) -> int:
        return len(self._subscribers)

    @contextmanager
    def one_more(self) -> Iterator[Subscriber | None]:
        """A subscriber for the length of the block; None where there is no room, or nothing to follow yet.

        It gets what is published from now on. Whoever reads the configuration in force after this, and begins with it,
        misses nothing.
        """
        if self.newest is None or len(self._subscribers) >= self._most:
            yield None
            return
        self._subscribers.add(subscriber := Subscriber())
        try:
            yield subscriber
        finally:
            self._subscribers.discard(subscriber)

    def publish(self, config: ConfigChanged) -> None:
        """Give everyone the next version; one that is not newer than the last is passed over."""
        if self.newest is not None and config.config_version <= self.newest:
            return
        self.newest = config.config_version
        version = Version.of(config)
        for subscriber in self._subscribers:
            subscriber.offer(version)
