"""A whole Lotwise on nodes of its own, for one fault: broker, database, services, and the people around it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from dev.runs.ledger import Ledger
from dev.runs.session import session
from dev.servers.broker import Broker
from dev.servers.management import Management, PeekedMessage
from dev.servers.postgres import Cluster
from dev.servers.provider import BINARIES, Servers
from dev.stack.processes import ROLE_OF, Service, ServiceProcess
from dev.stack.workspace import Workspace, make_workspace, workspace
from dev.waiting import eventually
from shared.database.engine import asyncpg_url
from shared.messaging.topology import PARKED_QUEUES
from tests.faults.book import note_servers
from tests.faults.counts import Counts, count
from tests.faults.traffic import Traffic

REPLICAS: Mapping[Service, int] = {"sync_consumer": 2, "sizing_worker": 2, "config_service": 1}
SETTINGS = {
    "LOTWISE_JWT_SECRET": "a secret of the tests alone, 32 characters and more",
    "LOTWISE_AMQP_HEARTBEAT_SECONDS": "5",
    "LOTWISE_HTTP_WRITES_PER_MINUTE": "10000",
    "LOTWISE_HTTP_READS_PER_MINUTE": "100000",
    "LOTWISE_LOG_LEVEL": "debug",  # a line for every message
}
DRAIN_TIMEOUT_S = 90.0
READY_TIMEOUT_S = 90.0


@dataclass(slots=True)
class System:
    """Everything that a fault can happen to, and the books of what was sent."""

    ledger: Ledger
    broker: Broker
    database: Cluster
    workspace: Workspace
    logs: Path
    services: list[ServiceProcess] = field(default_factory=list)
    healed_at: float | None = None

    def launch(self, service: Service, *, under: Sequence[str] = (), **settings: str) -> ServiceProcess:
        """Start one more process of a service, `under` a launcher of the tests' own; `wait_ready` waits for it."""
        role = ROLE_OF[service]
        own = {
            "LOTWISE_AMQP_URL": self.workspace.virtual_host.role_urls[role],
            "LOTWISE_DATABASE_URL": self.workspace.service_url(service),
        }
        name = f"{service}-{len(self.services) + 1}"
        process = ServiceProcess(
            service,
            name=name,
            ledger=self.ledger,
            settings={**SETTINGS, **own, **settings},
            logs=self.logs,
            under=under,
        )
        process.start()
        self.services.append(process)
        return process

    def launch_all(self, replicas: Mapping[Service, int] = REPLICAS, **settings: str) -> None:
        """Start so many of each, and wait until all are ready."""
        started = [self.launch(service, **settings) for service in replicas for _ in range(replicas[service])]
        for process in started:
            process.wait_ready()

    def of(self, service: Service) -> list[ServiceProcess]:
        """The processes of one service."""
        return [process for process in self.services if process.service == service]

    def traffic(self) -> Traffic:
        """An EA bridge and a signal engine, which are never behind a proxy."""
        urls = self.workspace.virtual_host.role_urls
        return Traffic(urls["ea-bridge"], urls["signal-engine"])

    def heal(self) -> None:
        """Note that the fault is over: recovery is counted from here."""
        self.healed_at = time.monotonic()

    async def recovery_s(self, traffic: Traffic) -> float:
        """Wait until every process is ready and answers come again; seconds from the fault's end until both are so."""
        healed_at = self.healed_at or time.monotonic()
        await self.all_ready()
        ready_at = time.monotonic()
        await traffic.until_answered(20)
        answered_at = next(at for at in traffic.answered_at if at > healed_at)
        return max(ready_at, answered_at) - healed_at

    async def all_ready(self) -> None:
        """Return once every process that runs says that it is ready."""

        async def look() -> bool:
            running = [process for process in self.services if process.is_running()]
            ready = [await asyncio.to_thread(process.is_ready) for process in running]
            return bool(ready) and all(ready)

        await eventually(look, timeout_s=READY_TIMEOUT_S)

    async def counts(self, traffic: Traffic, *, guilty: Collection[str] = ()) -> Counts:
        """Drain, then count. What the traffic sent is awaited until nothing more comes to the tables.

        `guilty` are the message ids that are parked with reason.
        """
        engine = create_async_engine(asyncpg_url(self.workspace.database_url), poolclass=NullPool)

        async def drained() -> bool:
            self.last = await count(engine, traffic.requests, traffic.snapshots, parked=self._innocent(guilty))
            return self.last.is_clean

        try:
            await eventually(drained, timeout_s=DRAIN_TIMEOUT_S)
        except AssertionError:
            return self.last  # as it is: the test says what is wrong with it
        finally:
            await engine.dispose()
        return self.last

    last: Counts = field(default_factory=lambda: Counts(**dict.fromkeys(Counts.__slots__, 0)))

    def parked(self) -> list[PeekedMessage]:
        """Every message that is parked, of whichever queue; it stays there."""
        with Management(self.broker.api_url) as management:
            vhost = self.workspace.virtual_host.name
            return [message for queue in PARKED_QUEUES for message in management.peek(vhost, queue.name)]

    def _innocent(self, guilty: Collection[str]) -> list[str]:
        return [str(message.message_id) for message in self.parked() if message.message_id not in guilty]


@dataclass(frozen=True, slots=True)
class Nodes:
    """A broker and a database of the tests' own."""

    ledger: Ledger
    broker: Broker
    database: Cluster

    @property
    def servers(self) -> Servers:
        """The same, as a workspace is made in them."""
        urls = self.broker.amqp_url, self.broker.api_url, self.database.database_url
        return Servers(*urls, BINARIES, self.ledger)


@contextmanager
def bare_nodes(*, durable: bool = True) -> Iterator[Nodes]:
    """A broker and a database, with nothing in them; gone at the end of the block."""
    with session() as ledger:
        broker, database = Broker(ledger), Cluster(ledger, durable=durable)
        ledger.at_end(broker.discard)
        ledger.at_end(database.discard)
        with ThreadPoolExecutor(2) as threads:
            for started in [threads.submit(broker.start), threads.submit(database.start)]:
                started.result()
        made = Nodes(ledger, broker, database)
        note_servers(made.servers)
        yield made


@contextmanager
def nodes(logs: Path, *, durable: bool = True) -> Iterator[System]:
    """A broker and a database of their own, migrated and declared; gone at the end of the block."""
    with bare_nodes(durable=durable) as made:
        place = make_workspace(made.servers)
        try:
            yield System(made.ledger, made.broker, made.database, place, logs)
        finally:
            place.close()


@contextmanager
def system_on(shared: Nodes, logs: Path) -> Iterator[System]:
    """A virtual host, a database and users of their own, on nodes that other faults use before and after."""
    with workspace(shared.servers) as made, session() as ledger:
        yield System(ledger, shared.broker, shared.database, made, logs)


def told(process: ServiceProcess, event: str) -> list[dict[str, Any]]:
    """What a process has logged of an event so far."""
    lines = process.log.read_text(encoding="utf-8", errors="replace").splitlines()
    # A process that is killed may leave half a line behind.
    entries = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    return [entry for entry in entries if entry["event"] == event]


def parked_nothing(system: System) -> bool:
    """Whether no message was parked by any process."""
    settled = [entry for process in system.services for entry in told(process, "message.settled")]
    return bool(settled) and not any(entry["outcome"] == "park" for entry in settled)


@asynccontextmanager
async def under_traffic(system: System) -> AsyncIterator[Traffic]:
    """People at work on a system whose services run; what they asked for is answered at the end of the block."""
    traffic = system.traffic()
    async with traffic.going_on():
        await traffic.until_answered(30)
        yield traffic
