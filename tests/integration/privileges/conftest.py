"""The session's database, seen with each service's rights; what is tried there is never committed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from dev.servers.provider import missing_packages
from dev.stack.workspace import Workspace
from shared.database.engine import asyncpg_url

# On a machine where the other tests run in containers there is nothing to start a node from.
collect_ignore = ["test_node_of_definitions.py"] if missing_packages() else []

AsService = Callable[[str], AbstractAsyncContextManager[AsyncConnection]]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection]:
    """A connection as whoever the URL names; rolled back at the end."""
    engine = create_async_engine(asyncpg_url(url), poolclass=NullPool)
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


@pytest.fixture
def as_service(session_workspace: Workspace) -> AsService:
    """`async with as_service("sizing_worker") as connection`."""
    return lambda service: connected(session_workspace.service_url(service))
