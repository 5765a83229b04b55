"""The `lotwise` command on a database with decisions of the real handler."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from dev.stack.workspace import VirtualHost
from shared.cli.__main__ import app
from tests.desk import Desk
from tests.integration.cli.parking import Bench
from tests.integration.messaging.place import Place

Lotwise = Callable[..., Coroutine[Any, Any, Result]]


@pytest.fixture
def quiet_services() -> Iterator[None]:
    """What services log in this process is no output of the command, whose standard output is this process's."""
    with capture_logs():
        yield


@pytest.fixture
def lotwise(database_url: str) -> Lotwise:
    """Run the command on the test's database."""

    async def run(*arguments: str) -> Result:
        # In a thread: a command runs an event loop of its own.
        settings = {"LOTWISE_DATABASE_URL": database_url}
        return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=settings)

    return run


@pytest.fixture
def desk(database: AsyncEngine) -> Desk:
    """The handlers, on the database that the command looks at."""
    return Desk(database)


@pytest.fixture
async def bench(virtual_host: VirtualHost, database_url: str) -> AsyncIterator[Bench]:
    """The operator at parked messages."""
    async with AsyncExitStack() as stack:
        yield Bench(Place(virtual_host, stack), database_url)
