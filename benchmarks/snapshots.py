"""Snapshots drained from a full queue, beside the ordinary way and beside a consumer that only acknowledges.

The queue is filled while its consumer sleeps, which is then let go. The broker counts what it does, the same for all.
"""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks.broker_counter import BrokerCounter
from benchmarks.draining import Drain, Drained, Drains, drain
from benchmarks.filling import Destination, Snapshots
from benchmarks.load import Say
from benchmarks.population import populate
from benchmarks.prefetch import best_prefetch
from benchmarks.processes import peer
from dev.stack.stack import Stack
from dev.stack.workspace import Workspace
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
PREFETCHES_QUICK = (400,)
BARE, ORM = "benchmarks.peers.bare_consumer", "benchmarks.peers.orm_snapshots"


class SnapshotBench:
    """Measures on a stack whose one sync consumer runs already."""

    def __init__(self, stack: Stack, *, scale: float, say: Say) -> None:
        self._stack = stack
        self._workspace = stack.workspace
        self._scale = scale
        self._say = say

    async def measure(self) -> tuple[dict[str, Drains], dict[str, int]]:
        """The drains by name, ours and the peers' by turns; and the prefetch that each peer was measured with."""
        self._say(f"{ACCOUNTS} accounts")
        await populate(self._workspace.database_url, accounts=ACCOUNTS, reservations=0)
        async with BrokerCounter(self._workspace.servers.metrics_url) as counter:

            async def per_s(module: str, prefetch: int) -> float:
                with ExitStack() as one:
                    return (await drain(self._workspace, counter, self._peer(one, module, prefetch))).per_s

            tried = PREFETCHES if self._scale >= 1 else PREFETCHES_QUICK
            prefetches = {module: await best_prefetch(module, tried, per_s, say=self._say) for module in (BARE, ORM)}
            with ExitStack() as peers:
                theirs = [self._peer(peers, module, prefetch) for module, prefetch in prefetches.items()]
                drains = await self._by_turns(counter, [*self._ours(), *theirs])
        return drains, {"bare": prefetches[BARE], "orm": prefetches[ORM]}

    def _ours(self) -> list[Drained]:
        (consumer,) = self._stack.of("sync_consumer")
        destination = snapshots_in(self._workspace)
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

    async def _by_turns(self, counter: BrokerCounter, drained: list[Drained]) -> dict[str, Drains]:
        done: dict[str, list[Drain]] = {one.name: [] for one in drained}
        for number in range(ROUNDS if self._scale >= 1 else 1):
            for one in drained:
                self._say(f"round {number + 1}: {one.snapshots.count} snapshots, {one.name}")
                done[one.name].append(await drain(self._workspace, counter, one))
        return {name: Drains(tuple(rounds)) for name, rounds in done.items()}


def snapshots_in(workspace: Workspace) -> Destination:
    """Where EA bridges publish."""
    return Destination(workspace.virtual_host.role_urls["ea-bridge"], ACCOUNTS_EXCHANGE, KEY_SNAPSHOT)
