"""Sizing on tables that have filled up: a million decisions, beside ten thousand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from urllib.parse import urlsplit

from benchmarks.growth import decisions_in, grow
from benchmarks.load import Load, Round, Run, Say, collected, run_load
from benchmarks.population import populate
from benchmarks.processes import service
from benchmarks.sizing import ACCOUNTS, RESERVATIONS, ROUNDS, ROUNDS_QUICK, sizing_plan
from dev.servers.databases import copy_database, drop_database
from dev.stack.stack import Stack

FEW, MANY, MANY_QUICK = 10_000, 1_000_000, 50_000
SEED_S = 2.0


@dataclass(frozen=True, slots=True)
class RowsFigures:
    """The runs by the decisions that lay there at the start."""

    runs: dict[int, Run]


class RowsBench:
    """Measures on a stack without sizing workers: one is started for each round, on the database of its turn."""

    def __init__(self, stack: Stack, *, scale: float, say: Say) -> None:
        self._workspace = stack.workspace
        self._scale = scale
        self._say = say
        self._plan = sizing_plan(stack.workspace, scale=scale)
        self._many = MANY if scale >= 1 else MANY_QUICK
        self._numbers = count()

    async def measure(self) -> RowsFigures:
        """Few and many by turns; the few are as few again in every round."""
        with self._workspace.new_database() as few:
            self._say(f"{FEW} decisions: some are made, and copied under other names")
            await populate(few, accounts=ACCOUNTS, reservations=RESERVATIONS)
            await self._run(few, seconds=SEED_S)
            await grow(few, decisions=FEW)
            with self._copy(few) as many:
                self._say(f"{self._many} decisions")
                await grow(many, decisions=self._many)
                return await self._by_turns(few, many)

    async def _by_turns(self, few: str, many: str) -> RowsFigures:
        rounds: dict[int, list[Round]] = {await decisions_in(few): [], await decisions_in(many): []}
        for number in range(ROUNDS if self._scale >= 1 else ROUNDS_QUICK):
            with self._copy(few) as as_few_again:
                for decisions, database in zip(rounds, (as_few_again, many), strict=True):
                    self._say(f"round {number + 1}: {decisions} decisions")
                    rounds[decisions].append(await self._run(database))
        return RowsFigures(collected(rounds))

    async def _run(self, database: str, *, seconds: float | None = None) -> Round:
        plan = replace(self._plan, seconds=seconds or self._plan.seconds)
        with service(self._workspace, "sizing_worker", database_url=database) as worker:
            return await run_load(self._workspace, Load(plan, (worker.pid,), database))

    @contextmanager
    def _copy(self, database: str) -> Iterator[str]:
        server = self._workspace.servers.database_url
        template = urlsplit(database).path.removeprefix("/")
        name = f"{template}_{next(self._numbers)}"
        owner, *services = self._workspace.database_roles
        try:
            yield copy_database(server, name, template=template, owner=owner, connecting=services)
        finally:
            drop_database(server, name)
