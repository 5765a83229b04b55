"""A full queue, drained: filled while its consumer sleeps, which is then let go.

The broker counts what the consumer does, the same for all.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.broker_counter import BrokerCounter, drained_per_s
from benchmarks.disk import Written, median_of, written
from benchmarks.filling import Destination, Snapshots, fill
from benchmarks.load import BROKER, SERVER
from benchmarks.processes import asleep, cpu_s, servers_pids
from dev.stack.workspace import Workspace

SETTLE_S = 0.5
TAKING_IN = "broker, taking in"


@dataclass(frozen=True, slots=True)
class Drain:
    """One queue, drained: messages a second, and the processor time of each process, in seconds a message.

    `TAKING_IN` is the broker's while the queue was filled; all else is of the drain.
    """

    per_s: float
    cpu_s: Mapping[str, float]
    written: Written


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

    @property
    def written(self) -> Written:
        """What the database wrote, by message."""
        return median_of([one.written for one in self.rounds])


@dataclass(frozen=True, slots=True)
class Drained:
    """Who drains what: a name, the process, where its messages go, and which they are."""

    name: str
    pid: int
    destination: Destination
    snapshots: Snapshots


async def drain(workspace: Workspace, counter: BrokerCounter, drained: Drained) -> Drain:
    """Fill the queue, let its consumer go, and measure until everything is acknowledged."""
    processes = {SERVER: drained.pid, **servers_pids(workspace)}
    with asleep(drained.pid):
        empty = cpu_s([processes[BROKER]])
        await fill(drained.destination, drained.snapshots)
        await asyncio.sleep(SETTLE_S)
        at_first = await written(workspace.database_url)
        since = await counter.read()
        full = {name: cpu_s([pid]) for name, pid in processes.items()}
    count = drained.snapshots.count
    samples = await counter.follow(count, since=since)
    taken = {name: (cpu_s([pid]) - full[name]) / count for name, pid in processes.items()}
    kept = (await written(workspace.database_url)).each(at_first, count)
    rate = drained_per_s(samples, count, since=since)
    return Drain(rate, {**taken, TAKING_IN: (full[BROKER] - empty) / count}, kept)
