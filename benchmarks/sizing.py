"""A sizing request and its reply, with everything on, beside a bare echo and beside the ordinary way."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from benchmarks.client import Outcome, Plan
from benchmarks.population import populate
from benchmarks.processes import peer, run_client
from dev.stack.stack import Stack
from shared.messaging.topology import DEFAULT_EXCHANGE, KEY_SIZING_REQUEST, SIZING

ACCOUNTS = 5_000
RESERVATIONS = 200_000
IN_FLIGHT = 200
PREFETCH = 500
"""Of the peers: all that is ever in flight."""
ROUNDS = 3
WARM_UP_S = 2.0
MEASURED_S = 6.0
ECHO, ORM = "bench.echo", "bench.orm"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """One kind of load on one server, over the rounds."""

    outcomes: tuple[Outcome, ...]

    @property
    def throughput(self) -> float:
        """Answers a second, the median of the rounds."""
        return statistics.median(one.answered / one.seconds for one in self.outcomes)

    def latency_s(self, percent: float) -> float:
        """The median over the rounds of this percentile."""
        return statistics.median(one.latencies[round(percent * 10)] for one in self.outcomes)

    @property
    def approved_share(self) -> float:
        """The share of answers that were approvals."""
        return sum(one.approved for one in self.outcomes) / max(sum(one.answered for one in self.outcomes), 1)

    @property
    def client_share(self) -> float:
        """The client's processor time, of one core."""
        return statistics.median(one.cpu_s / one.seconds for one in self.outcomes)


@dataclass(frozen=True, slots=True)
class SizingFigures:
    """What was measured of sizing."""

    runs: Mapping[str, Run]

    def ratio(self, ours: str, other: str) -> float:
        """Throughput of one run as a multiple of another's."""
        return self.runs[ours].throughput / self.runs[other].throughput


class SizingBench:
    """Measures on a stack whose sizing workers run already."""

    def __init__(self, stack: Stack, *, scale: float, say: Say) -> None:
        self._stack = stack
        self._say = say
        self._seconds = MEASURED_S * scale
        url = stack.workspace.virtual_host.role_urls["signal-engine"]
        self._ours = Plan(
            url=url,
            user=urlsplit(url).username or "",
            exchange=SIZING,
            routing_key=KEY_SIZING_REQUEST,
            users=ACCOUNTS,
            in_flight=IN_FLIGHT,
            warm_up_s=WARM_UP_S,
            seconds=self._seconds,
        )
        operator = stack.workspace.virtual_host.amqp_url
        self._peers = replace(
            self._ours, url=operator, user=urlsplit(operator).username or "", exchange=DEFAULT_EXCHANGE
        )

    async def measure(self) -> SizingFigures:
        """Everything, ours and the peers by turns."""
        self._say(f"{ACCOUNTS} accounts, {RESERVATIONS} live reservations")
        workspace = self._stack.workspace
        await populate(workspace.database_url, accounts=ACCOUNTS, reservations=RESERVATIONS)
        with ExitStack() as peers:
            peers.enter_context(peer(workspace, "benchmarks.peers.echo", ECHO, prefetch=PREFETCH))
            peers.enter_context(peer(workspace, "benchmarks.peers.orm_sizing", ORM, prefetch=PREFETCH))
            echo, orm = replace(self._peers, routing_key=ECHO), replace(self._peers, routing_key=ORM)
            runs = await self._by_turns("200 in flight", {"ours": self._ours, "echo": echo, "orm": orm})
            runs |= await self._by_turns(
                "one at a time",
                {"ours, one": replace(self._ours, in_flight=1), "echo, one": replace(echo, in_flight=1)},
            )
        half = runs["ours"].throughput / 2
        runs |= await self._by_turns(
            f"open loop at {half:.0f} a second", {"ours, half": replace(self._ours, rate=half)}
        )
        runs |= await self._by_turns("one hot account", {"ours, hot": replace(self._ours, users=1)})
        return SizingFigures(runs)

    async def _by_turns(self, what: str, plans: Mapping[str, Plan]) -> dict[str, Run]:
        outcomes: dict[str, list[Outcome]] = {name: [] for name in plans}
        for number in range(ROUNDS):
            for name, plan in plans.items():
                self._say(f"{what}, round {number + 1} of {ROUNDS}: {name}")
                outcomes[name].append(await run_client(plan))
        return {name: Run(tuple(each)) for name, each in outcomes.items()}
