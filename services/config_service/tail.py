"""The newest decisions, for those who follow them. Knows no sockets.

A decision is told to its requester alone, so the log is looked at: once a second, for all followers together, and only
while there are any. What is looked for is the newest, not what has an id above the last one's: ids are given in one
order and committed in another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import structlog

from services.config_service.reading import DecisionFilter, Found
from shared.errors import DependencyError

log = structlog.get_logger()

WINDOW = 100
"""So many are looked at. Where more are made between two looks, the older ones are not told."""
LOOK_S = 1.0

Encode = Callable[[Found], str]


class DecisionLog(Protocol):
    """Where decisions are looked up."""

    async def decisions(self, wanted: DecisionFilter, *, before: int | None, limit: int) -> Sequence[Found]:
        """At most `limit` decisions, the newest first. Raises DependencyError where the database is away."""


class Decided:
    """A decision, encoded once for all who get it, and only where somebody does."""

    def __init__(self, found: Found, encode: Encode) -> None:
        self.key = found.key
        self.user_id: str = found.fields["user_id"]
        self._found = found
        self._encode = encode

    @cached_property
    def text(self) -> str:
        """The decision as it is written."""
        return self._encode(self._found)


@dataclass(frozen=True, slots=True)
class Window:
    """What one look found, the newest first."""

    decided: tuple[Decided, ...] = ()
    keys: frozenset[int] = frozenset()
    replaced: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once another look has found something else."""

    @classmethod
    def of(cls, decided: Sequence[Decided]) -> Window:
        """A window of these."""
        return cls(tuple(decided), frozenset(one.key for one in decided))

    @property
    def floor(self) -> int:
        """What has a lower id was not among the newest; 0 where there was room for more."""
        return self.decided[-1].key if len(self.decided) >= WINDOW else 0


class Follower:
    """One client's way to the decisions: each at most once, and what it was too slow for is left out.

    It keeps no queue: what it gets is what the window then holds. What it has got is known by the window that it took
    last: whatever has left a full one has a lower id than all that were in it, and is below the floor from then on.
    """

    def __init__(self, tail: DecisionTail, user_id: str | None) -> None:
        self._tail = tail
        self._user_id = user_id
        self._first: Window | None = None
        self._first_keys: frozenset[int] = frozenset()
        self._floor = 0
        self._taken = Window()

    async def begin(self) -> None:
        """Let it get the newest that it may see first. Raises DependencyError where the database is away."""
        self._first = await self._tail.newest(self._user_id)
        self._first_keys, self._floor = self._first.keys, self._first.floor

    async def next(self) -> tuple[Decided, ...]:
        """The first time the newest at once, and be it none; then what is new, the newest first, when there is some."""
        if self._first is not None:
            first, self._first = self._first, None
            return first.decided
        while True:
            window = self._tail.window
            if window is self._taken:
                await window.replaced.wait()
            elif fresh := self._take(window):
                return fresh

    def _take(self, window: Window) -> tuple[Decided, ...]:
        given = self._first_keys | self._taken.keys
        fresh = tuple(one for one in window.decided if self._may_get(one) and one.key not in given)
        self._floor, self._taken = max(self._floor, window.floor), window
        return fresh

    def _may_get(self, one: Decided) -> bool:
        return one.key >= self._floor and self._user_id in (None, one.user_id)


class DecisionTail:
    """Looks for decisions while anybody follows, `most` at the most."""

    def __init__(self, decisions: DecisionLog, *, most: int, encode: Encode, look_s: float = LOOK_S) -> None:
        self._log = decisions
        self._most = most
        self._encode = encode
        self._look_s = look_s
        self._followers: set[Follower] = set()
        self._followed = asyncio.Event()
        self.window = Window()
        """What the last look found; never changed, but replaced."""

    def __len__(self) -> int:
        return len(self._followers)

    @contextmanager
    def one_more(self, user_id: str | None) -> Iterator[Follower | None]:
        """A follower for the length of the block, of a user's decisions or with None of all; None: there is no room."""
        if len(self._followers) >= self._most:
            yield None
            return
        self._followers.add(follower := Follower(self, user_id))
        self._followed.set()
        try:
            yield follower
        finally:
            self._followers.discard(follower)
            if not self._followers:
                self._followed.clear()

    async def newest(self, user_id: str | None) -> Window:
        """The newest decisions of a user, or with None of all. Raises DependencyError where the database is away."""
        found = await self._log.decisions(DecisionFilter(user_id=user_id), before=None, limit=WINDOW)
        known = {one.key: one for one in self.window.decided}
        return Window.of([known.get(one.key) or Decided(one, self._encode) for one in found])

    async def run(self) -> None:
        """Look until cancelled. What fails is tried again."""
        while True:
            await self._followed.wait()
            await self._look()
            await asyncio.sleep(self._look_s)

    async def _look(self) -> None:
        try:
            newest = await self.newest(None)
        except DependencyError as error:
            log.warning("tail.delayed", cause=str(error))
            return
        if newest.keys != self.window.keys:
            replaced, self.window = self.window.replaced, newest
            replaced.set()
