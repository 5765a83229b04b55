"""What each stage of a message's way costs: the processor time of the service, by where its samples were taken."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.attribution import shares
from benchmarks.broker_counter import BrokerCounter
from benchmarks.draining import Drained, drain
from benchmarks.filling import Snapshots
from benchmarks.load import BROKER, DATABASE, SERVER, Load, Say, run_load
from benchmarks.population import populate
from benchmarks.processes import service
from benchmarks.sizing import ACCOUNTS, RESERVATIONS, sizing_plan
from benchmarks.snapshots import COUNT, snapshots_in
from dev.stack.processes import Service, ServiceProcess
from dev.stack.stack import Stack


@dataclass(frozen=True, slots=True)
class Costs:
    """Of one service: processor time by stage, and of broker and database, all in seconds a message."""

    stages: Mapping[str, float]
    broker_s: float
    database_s: float


class StagesBench:
    """Measures on a stack with neither sync consumer nor sizing worker: it starts each under the sampler."""

    def __init__(self, stack: Stack, *, scale: float, say: Say) -> None:
        self._workspace = stack.workspace
        self._scale = scale
        self._say = say
        self._folder = stack.workspace.servers.ledger.folder

    async def measure(self) -> dict[str, Costs]:
        """The costs by service."""
        await populate(self._workspace.database_url, accounts=ACCOUNTS, reservations=RESERVATIONS)
        return {"sizing_worker": await self._sizing(), "sync_consumer": await self._snapshots()}

    async def _sizing(self) -> Costs:
        self._say("sizing requests, sampled")
        with self._sampled("sizing_worker") as (worker, output):
            plan = sizing_plan(self._workspace, scale=self._scale)
            done = await run_load(self._workspace, Load(plan, (worker.pid,), self._workspace.database_url))
        return _costs(output, done.cpu_s)

    async def _snapshots(self) -> Costs:
        self._say("snapshots, sampled")
        drained = Snapshots(int(COUNT * self._scale), ACCOUNTS)
        async with BrokerCounter(self._workspace.servers.metrics_url) as counter:
            with self._sampled("sync_consumer") as (consumer, output):
                whole = Drained("sampled", consumer.pid, snapshots_in(self._workspace), drained)
                done = await drain(self._workspace, counter, whole)
        return _costs(output, done.cpu_s)

    @contextmanager
    def _sampled(self, name: Service) -> Iterator[tuple[ServiceProcess, Path]]:
        """The service, sampled from when it is ready; the samples are there once it has ended."""
        output = self._folder / f"{name}.samples.json"
        with service(self._workspace, name, under=["benchmarks.sampler", str(output)]) as process:
            process.send(signal.SIGUSR1)
            yield process, output


def _costs(output: Path, cpu_s: Mapping[str, float]) -> Costs:
    found = shares(json.loads(output.read_text(encoding="utf-8")))
    return Costs({name: share * cpu_s[SERVER] for name, share in found.items()}, cpu_s[BROKER], cpu_s[DATABASE])
