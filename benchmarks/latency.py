"""How long calls take, one after another, in two programs by turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

Call = Callable[[], Awaitable[object]]

ROUNDS = 5
"""Ours, the peer, ours, the peer, …: what the machine does meanwhile falls on both."""
WARM_UP_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Latencies:
    """Durations of calls, in seconds, by round."""

    rounds: tuple[tuple[float, ...], ...]

    def percentile(self, percent: int) -> float:
        """The median over the rounds of this percentile of each, in seconds."""
        return statistics.median(_percentile(one, percent) for one in self.rounds)

    def spread(self, percent: int) -> tuple[float, float]:
        """The lowest and the highest of the rounds."""
        each = [_percentile(one, percent) for one in self.rounds]
        return min(each), max(each)

    @property
    def count(self) -> int:
        """How many calls were measured."""
        return sum(map(len, self.rounds))


@dataclass(frozen=True, slots=True)
class Compared:
    """One kind of call, ours and the peer's. `target_s` is what ours should stay below, at the 95th percentile."""

    work: str
    ours: Latencies
    peer: Latencies
    target_s: float

    @property
    def met(self) -> bool:
        """Whether it does."""
        return self.ours.percentile(95) < self.target_s


async def by_turns(ours: Call, peer: Call, *, calls: int) -> tuple[Latencies, Latencies]:
    """Measure `calls` calls of each in each round, after some that are not measured."""
    for call in (ours, peer):
        await _durations(call, max(int(calls * WARM_UP_SHARE), 1))
    rounds = [(await _durations(ours, calls), await _durations(peer, calls)) for _ in range(ROUNDS)]
    return Latencies(tuple(own for own, _ in rounds)), Latencies(tuple(other for _, other in rounds))


async def _durations(call: Call, calls: int) -> tuple[float, ...]:
    durations = []
    for _ in range(calls):
        started = time.perf_counter()
        await call()
        durations.append(time.perf_counter() - started)
    return tuple(durations)


def _percentile(durations: Sequence[float], percent: int) -> float:
    return statistics.quantiles(durations, n=100, method="inclusive")[percent - 1]
