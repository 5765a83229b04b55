"""Snapshots drained from a full queue, beside the ordinary way and beside a consumer that only acknowledges.

The queue is filled while its consumer sleeps, which is then let go. The broker counts what it does, the same for all.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.broker_counter import BrokerCounter, drained_per_s
from benchmarks.filling import Destination, Snapshots, fill
from benchmarks.population import populate
from benchmarks.processes import asleep, cpu_s, peer, servers_pids
from dev.stack.stack import Stack
from shared.messaging.topology import ACCOUNTS as ACCOUNTS_EXCHANGE
from shared.messaging.topology import DEFAULT_EXCHANGE, KEY_SNAPSHOT

ACCOUNTS = 5_000
COUNT, ORM_COUNT = 40_000, 2_500
"""About four seconds' work for each."""
COUNT_MIN = 500
IN_A_ROW = 100
ROUNDS = 3
PREFETCHES = (100, 400, 1600)
"""Each peer is tried with each of them first, and measured with what served it best."""
PREFETCH_QUICK = 400
SETTLE_S = 0.5
BARE, ORM = "benchmarks.peers.bare_consumer", "benchmarks.peers.orm_snapshots"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Drain:
    """One queue, drained: messages a second, and the processor time of each process, in seconds a message."""

    per_s: float
    cpu_s: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Drains:
    """The same over the rounds."""

    rounds: tuple[Drain, ...]

    @property
    def per_s(self) -> float:
        """Messages a second, the median of the rounds."""
        return statistics.median(one.per_s for one in self.rounds)

    @property
    def cpu_s(self) -> dict[str, float]:
        """Processor time by process, in seconds a message, the medians."""
        return {name: statistics.median(one.cpu_s[name] for one in self.rounds) for name in self.rounds[0].cpu_s}


@dataclass(frozen=True, slots=True)
class Drained:
    """Who drains what: a name, the process, where its messages go, and which they are."""

    name: str
    pid: int
    destination: Destination
    snapshots: Snapshots


class SnapshotBench:
    """Measures on a stack whose one sync consumer runs already."""

    def __init__(self, stack: Stack, *, scale: float, say: Say) -> None:
        self._stack = stack
        self._workspace = stack.workspace
        self._servers = servers_pids(stack.workspace)
        self._scale = scale
        self._say = say

    async def measure(self) -> tuple[dict[str, Drains], dict[str, int]]:
        """The drains by name, ours and the peers' by turns; and the prefetch that each peer was measured with."""
        self._say(f"{ACCOUNTS} accounts")
        await populate(self._workspace.database_url, accounts=ACCOUNTS, reservations=0)
        async with BrokerCounter(self._workspace.servers.metrics_url) as counter:
            prefetches = {module: await self._best_prefetch(counter, module) for module in (BARE, ORM)}
            with ExitStack() as peers:
                theirs = [self._peer(peers, module, prefetch) for module, prefetch in prefetches.items()]
                drains = await self._by_turns(counter, [*self._ours(), *theirs])
        return drains, {"bare": prefetches[BARE], "orm": prefetches[ORM]}

    def _ours(self) -> list[Drained]:
        (consumer,) = self._stack.of("sync_consumer")
        url = self._workspace.virtual_host.role_urls["ea-bridge"]
        destination = Destination(url, ACCOUNTS_EXCHANGE, KEY_SNAPSHOT)
        count = self._count(COUNT)
        return [
            Drained("ours", consumer.pid, destination, Snapshots(count, ACCOUNTS)),
            Drained("ours, in a row", consumer.pid, destination, Snapshots(count, ACCOUNTS, IN_A_ROW)),
        ]

    def _peer(self, at_end: ExitStack, module: str, prefetch: int) -> Drained:
        queue = f"{module}.{prefetch}"
        pid = at_end.enter_context(peer(self._workspace, module, queue, prefetch=prefetch))
        destination = Destination(self._workspace.virtual_host.amqp_url, DEFAULT_EXCHANGE, queue)
        name, count = ("bare", COUNT) if module == BARE else ("orm", ORM_COUNT)
        return Drained(name, pid, destination, Snapshots(self._count(count), ACCOUNTS))

    def _count(self, count: int) -> int:
        return max(int(count * self._scale), COUNT_MIN)

    async def _best_prefetch(self, counter: BrokerCounter, module: str) -> int:
        if self._scale < 1:
            return PREFETCH_QUICK
        tried = {}
        for prefetch in PREFETCHES:
            self._say(f"{module} with a prefetch of {prefetch}")
            with ExitStack() as one:
                tried[prefetch] = (await self._drain(counter, self._peer(one, module, prefetch))).per_s
        return max(tried, key=lambda prefetch: tried[prefetch])

    async def _by_turns(self, counter: BrokerCounter, drained: list[Drained]) -> dict[str, Drains]:
        done: dict[str, list[Drain]] = {one.name: [] for one in drained}
        for number in range(ROUNDS if self._scale >= 1 else 1):
            for one in drained:
                self._say(f"round {number + 1}: {one.snapshots.count} snapshots, {one.name}")
                done[one.name].append(await self._drain(counter, one))
        return {name: Drains(tuple(rounds)) for name, rounds in done.items()}

    async def _drain(self, counter: BrokerCounter, drained: Drained) -> Drain:
        processes = {"consumer": drained.pid, **self._servers}
        with asleep(drained.pid):
            await fill(drained.destination, drained.snapshots)
            await asyncio.sleep(SETTLE_S)
            since = await counter.read()
            before = {name: cpu_s([pid]) for name, pid in processes.items()}
        count = drained.snapshots.count
        samples = await counter.follow(count, since=since)
        taken = {name: (cpu_s([pid]) - before[name]) / count for name, pid in processes.items()}
        return Drain(drained_per_s(samples, count, since=since), taken)
