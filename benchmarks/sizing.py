"""A sizing request and its reply, with everything on, beside a bare echo and beside the ordinary way."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from benchmarks.client import Plan
from benchmarks.load import Load, Run, Say, by_turns, run_load
from benchmarks.population import populate
from benchmarks.prefetch import best_prefetch
from benchmarks.processes import peer
from dev.stack.stack import Stack
from dev.stack.workspace import Workspace
from shared.messaging.topology import DEFAULT_EXCHANGE, KEY_SIZING_REQUEST, SIZING

ACCOUNTS = 5_000
RESERVATIONS = 200_000
IN_FLIGHT = 200
SWEEP = (1, 10, 50, 200, 500)
SWEEP_QUICK = (1, 50, 500)
PREFETCHES = (25, 100, 500)
"""Each peer is tried with each of them first, and measured with what served it best."""
PREFETCHES_QUICK = (500,)
ROUNDS, ROUNDS_QUICK = 3, 1
WARM_UP_S = 2.0
MEASURED_S = 6.0
SWEEP_S = TRY_S = 3.0
ECHO, ORM = "benchmarks.peers.echo", "benchmarks.peers.orm_sizing"


@dataclass(frozen=True, slots=True)
class SizingFigures:
    """What was measured of sizing: the runs by name, by how much was in flight ours and the echo's, and the
    prefetch that each peer was measured with."""

    runs: dict[str, Run]
    sweep: dict[int, tuple[Run, Run]]
    prefetches: dict[str, int]

    def ratio(self, ours: str, other: str) -> float:
        """Throughput of one run as a multiple of another's."""
        return self.runs[ours].throughput / self.runs[other].throughput


def sizing_plan(workspace: Workspace, *, scale: float, in_flight: int = IN_FLIGHT) -> Plan:
    """A closed loop of requests to the sizing workers, from the signal engine's user."""
    url = workspace.virtual_host.role_urls["signal-engine"]
    return Plan(
        url=url,
        user=_user(url),
        exchange=SIZING,
        routing_key=KEY_SIZING_REQUEST,
        users=ACCOUNTS,
        in_flight=in_flight,
        warm_up_s=WARM_UP_S * max(scale, 0.5),
        seconds=MEASURED_S * scale,
    )


class SizingBench:
    """Measures on a stack whose one sizing worker runs already."""

    def __init__(self, stack: Stack, *, scale: float, say: Say) -> None:
        self._workspace = stack.workspace
        self._say = say
        self._scale = scale
        self._rounds = ROUNDS if scale >= 1 else ROUNDS_QUICK
        self._plan = sizing_plan(stack.workspace, scale=scale)
        self._ours = Load(
            self._plan, tuple(worker.pid for worker in stack.of("sizing_worker")), stack.workspace.database_url
        )

    async def measure(self) -> SizingFigures:
        """Everything, ours and the peers by turns."""
        workspace = self._workspace
        self._say(f"{ACCOUNTS} accounts, {RESERVATIONS} live reservations")
        await populate(workspace.database_url, accounts=ACCOUNTS, reservations=RESERVATIONS)
        tried = PREFETCHES if self._scale >= 1 else PREFETCHES_QUICK
        prefetches = {module: await best_prefetch(module, tried, self._per_s, say=self._say) for module in (ECHO, ORM)}
        with ExitStack() as peers:
            echo, orm = (self._peer(peers, module, prefetch) for module, prefetch in prefetches.items())
            runs = await self._by_turns(f"{IN_FLIGHT} in flight", {"ours": self._ours, "echo": echo, "orm": orm})
            one = {"ours, one": _changed(self._ours, in_flight=1), "echo, one": _changed(echo, in_flight=1)}
            runs |= await self._by_turns("one at a time", one)
            sweep = await self._sweep(echo)
        half = runs["ours"].throughput / 2
        runs |= await self._by_turns(
            f"open loop at {half:.0f} a second", {"ours, half": _changed(self._ours, rate=half)}
        )
        runs |= await self._by_turns("one hot account", {"ours, hot": _changed(self._ours, users=1)})
        return SizingFigures(runs, sweep, {"echo": prefetches[ECHO], "orm": prefetches[ORM]})

    async def _per_s(self, module: str, prefetch: int) -> float:
        with ExitStack() as one:
            load = _changed(self._peer(one, module, prefetch), seconds=TRY_S)
            return (await run_load(self._workspace, load)).per_s

    async def _sweep(self, echo: Load) -> dict[int, tuple[Run, Run]]:
        found = {}
        for in_flight in SWEEP if self._scale >= 1 else SWEEP_QUICK:
            change = {"in_flight": in_flight, "seconds": SWEEP_S * self._scale}
            loads = {"ours": _changed(self._ours, **change), "echo": _changed(echo, **change)}
            runs = await by_turns(self._workspace, f"{in_flight} in flight", loads, rounds=1, say=self._say)
            found[in_flight] = (runs["ours"], runs["echo"])
        return found

    async def _by_turns(self, what: str, loads: dict[str, Load]) -> dict[str, Run]:
        return await by_turns(self._workspace, what, loads, rounds=self._rounds, say=self._say)

    def _peer(self, at_end: ExitStack, module: str, prefetch: int) -> Load:
        queue = f"{module}.{prefetch}"
        pid = at_end.enter_context(peer(self._workspace, module, queue, prefetch=prefetch))
        operator = self._workspace.virtual_host.amqp_url
        plan = replace(self._plan, url=operator, user=_user(operator), exchange=DEFAULT_EXCHANGE, routing_key=queue)
        return Load(plan, (pid,), self._workspace.database_url)


def _changed(load: Load, **changes: float) -> Load:
    return replace(load, plan=replace(load.plan, **changes))  # type: ignore[arg-type]  # numbers, all of them


def _user(url: str) -> str:
    return unquote(urlsplit(url).username or "")
