"""The whole service, running: three kinds of processes, two sizing workers, and the people around it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from dev.servers.management import Management
from dev.servers.provider import Servers
from dev.stack.processes import Service, ServiceProcess
from dev.stack.workspace import Workspace, workspace
from shared.database.engine import asyncpg_url
from tests.acceptance.people import Owner, People

JWT_SECRET = "a secret of the tests alone, 32 characters and more"
LOGINS = itertools.count(1_000_001)

SERVICES: tuple[tuple[Service, str], ...] = (
    ("sync_consumer", "sync-consumer"),
    ("sizing_worker", "sizing-worker"),
    ("sizing_worker", "sizing-worker"),
    ("config_service", "config-service"),
)


class Running:
    """The running services and where they are."""

    def __init__(self, place: Workspace, processes: list[ServiceProcess]) -> None:
        self.place = place
        self.processes = processes

    def of(self, service: Service) -> list[ServiceProcess]:
        """The processes of one service."""
        return [process for process in self.processes if process.service == service]

    @property
    def http_url(self) -> str:
        """The public API."""
        return self.of("config_service")[0].http_url


@pytest.fixture(scope="session")
def running(provided_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """All three services as processes, in a workspace of their own."""
    logs: Path = tmp_path_factory.mktemp("logs")
    with ExitStack() as stack:
        place = stack.enter_context(workspace(provided_servers))
        processes = []
        for number, (service, role) in enumerate(SERVICES):
            settings = {
                "LOTWISE_AMQP_URL": place.virtual_host.role_urls[role],
                "LOTWISE_DATABASE_URL": place.service_url(service),
                "LOTWISE_JWT_SECRET": JWT_SECRET,
                "LOTWISE_HTTP_WRITES_PER_MINUTE": "10000",  # tests turn the dial more often than people do
                "LOTWISE_HTTP_READS_PER_MINUTE": "100000",  # and look in a loop
            }
            process = ServiceProcess(
                service, name=f"{service}-{number}", ledger=provided_servers.ledger, settings=settings, logs=logs
            )
            process.start()
            stack.callback(process.terminate)
            processes.append(process)
        for process in processes:
            process.wait_ready()
        yield Running(place, processes)


@asynccontextmanager
async def new_people(running: Running) -> AsyncIterator[People]:
    """A user with an account number that no other test has, and everyone who talks to Lotwise about it."""
    login = next(LOGINS)
    engine = create_async_engine(asyncpg_url(running.place.database_url))
    with Management(running.place.rabbitmq_api_url) as management:
        made = People(running.place.virtual_host, engine, management, user_id=f"u-{login}", login=login)
        async with made:
            yield made
    await engine.dispose()


@pytest.fixture
async def people(running: Running) -> AsyncIterator[People]:
    """A user of the test's own."""
    async with new_people(running) as made:
        yield made


@pytest.fixture
async def other_people(running: Running) -> AsyncIterator[People]:
    """Another user of the test's own."""
    async with new_people(running) as made:
        yield made


@pytest.fixture
async def owner(running: Running) -> AsyncIterator[Owner]:
    """The owner at the dial; puts it back to 3 % when the test is over."""
    async with httpx.AsyncClient(base_url=running.http_url, trust_env=False) as client:
        made = Owner(client, JWT_SECRET)
        yield made
        await made.set_risk_percent("3")
