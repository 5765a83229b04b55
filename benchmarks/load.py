"""Loads on servers, by turns: what each answered, and the processor time that every process took for it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from benchmarks.client import Outcome, Plan
from benchmarks.disk import Written, median_of, written
from benchmarks.processes import cpu_s, run_client, servers_pids
from dev.stack.workspace import Workspace

Say = Callable[[str], None]
Name = TypeVar("Name", str, int)
SERVER, BROKER, DATABASE, CLIENT = "server", "broker", "database", "client"


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked, the processes that serve it, and the database that they write to."""

    plan: Plan
    server_pids: tuple[int, ...]
    database_url: str


@dataclass(frozen=True, slots=True)
class Round:
    """One load, once. `cpu_s`: processor time by process, in seconds a request; `written`: by request, too."""

    outcome: Outcome
    cpu_s: Mapping[str, float]
    written: Written

    @property
    def per_s(self) -> float:
        """Answers a second."""
        return self.outcome.answered / self.outcome.seconds


@dataclass(frozen=True, slots=True)
class Run:
    """One kind of load on one server, over the rounds: figures are the medians of the rounds."""

    rounds: tuple[Round, ...]

    @property
    def throughput(self) -> float:
        """Answers a second."""
        return statistics.median(one.per_s for one in self.rounds)

    def latency_s(self, percent: float) -> float:
        """This percentile; resolved to a thousandth of the answers."""
        return statistics.median(one.outcome.latencies[round(percent * 10)] for one in self.rounds)

    @property
    def approved_share(self) -> float:
        """The share of all answers that were approvals."""
        answered = sum(one.outcome.answered for one in self.rounds)
        return sum(one.outcome.approved for one in self.rounds) / max(answered, 1)

    @property
    def client_share(self) -> float:
        """The client's processor time, of one core."""
        return statistics.median(one.outcome.cpu_s / one.outcome.seconds for one in self.rounds)

    @property
    def cpu_s(self) -> dict[str, float]:
        """Processor time by process, in seconds a request."""
        return {name: statistics.median(one.cpu_s[name] for one in self.rounds) for name in self.rounds[0].cpu_s}

    @property
    def written(self) -> Written:
        """What the database wrote, by request."""
        return median_of([one.written for one in self.rounds])


async def run_load(workspace: Workspace, load: Load) -> Round:
    """Run one load once."""
    pids = {SERVER: load.server_pids, **{name: (pid,) for name, pid in servers_pids(workspace).items()}}
    at_first = await written(load.database_url)
    before = {name: cpu_s(each) for name, each in pids.items()}
    outcome = await run_client(load.plan)
    taken = {name: (cpu_s(each) - before[name]) / outcome.asked for name, each in pids.items()}
    kept = (await written(load.database_url)).each(at_first, outcome.asked)
    return Round(outcome, {**taken, CLIENT: outcome.cpu_s / max(outcome.answered, 1)}, kept)


async def by_turns(
    workspace: Workspace, what: str, loads: Mapping[str, Load], *, rounds: int, say: Say
) -> dict[str, Run]:
    """Run each load once in every round, one after the other."""
    done: dict[str, list[Round]] = {name: [] for name in loads}
    for number in range(rounds):
        for name, load in loads.items():
            say(f"{what}, round {number + 1} of {rounds}: {name}")
            done[name].append(await run_load(workspace, load))
    return collected(done)


def collected(rounds: Mapping[Name, Sequence[Round]]) -> dict[Name, Run]:
    """The rounds of each load as its run."""
    return {name: Run(tuple(each)) for name, each in rounds.items()}
