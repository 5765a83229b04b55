"""More workers on the same machine: what they gain, what they cost each other, and which batch limit serves them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from benchmarks.load import Load, Round, Run, Say, collected, run_load
from benchmarks.population import populate
from benchmarks.sizing import ACCOUNTS, RESERVATIONS, ROUNDS, ROUNDS_QUICK, sizing_plan
from dev.stack.stack import Stack

WORKERS = (1, 2, 4)
BATCH_LIMITS = (25, 50, 100, 200)
BATCH_MAX = "LOTWISE_BATCH_MAX"
LIMIT_S = 3.0


@dataclass(frozen=True, slots=True)
class WorkersFigures:
    """Runs by the number of workers, at the default batch limit; and by batch limit and number of workers."""

    runs: dict[int, Run]
    by_limit: dict[int, dict[int, Run]]


class WorkersBench:
    """Measures on a stack without sizing workers: it starts and ends them."""

    def __init__(self, stack: Stack, *, scale: float, say: Say) -> None:
        self._stack = stack
        self._scale = scale
        self._say = say
        self._plan = sizing_plan(stack.workspace, scale=scale)

    async def measure(self) -> WorkersFigures:
        """Each number of workers in every round; then the batch limits, where there is time for them."""
        await populate(self._stack.workspace.database_url, accounts=ACCOUNTS, reservations=RESERVATIONS)
        rounds: dict[int, list[Round]] = {workers: [] for workers in WORKERS}
        for number in range(ROUNDS if self._scale >= 1 else ROUNDS_QUICK):
            for workers, one in (await self._once(f"round {number + 1}", self._plan.seconds)).items():
                rounds[workers].append(one)
        by_limit = await self._limits() if self._scale >= 1 else {}
        return WorkersFigures(collected(rounds), by_limit)

    async def _limits(self) -> dict[int, dict[int, Run]]:
        found = {}
        for limit in BATCH_LIMITS:
            with _setting(BATCH_MAX, str(limit)):
                once = await self._once(f"batches of at most {limit}", LIMIT_S)
            found[limit] = collected({workers: [one] for workers, one in once.items()})
        return found

    async def _once(self, what: str, seconds: float) -> dict[int, Round]:
        """One round of each number of workers: started as they are needed, all ended afterwards."""
        done = {}
        for workers in WORKERS:
            self._say(f"{what}: {workers} {'worker' if workers == 1 else 'workers'}")
            self._stack.start({"sizing_worker": workers - len(self._stack.of("sizing_worker"))})
            pids = tuple(worker.pid for worker in self._stack.of("sizing_worker"))
            workspace = self._stack.workspace
            load = Load(replace(self._plan, seconds=seconds), pids, workspace.database_url)
            done[workers] = await run_load(workspace, load)
        for worker in self._stack.of("sizing_worker"):
            worker.terminate()
            self._stack.services.remove(worker)
        return done


@contextmanager
def _setting(name: str, value: str) -> Iterator[None]:
    """An environment variable of the services that are started meanwhile."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
