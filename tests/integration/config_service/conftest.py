"""Two replicas of the dial, and the HTTP API in this process, on a real database, with config_service's own rights."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from dev.stack.workspace import Workspace
from shared.database.engine import asyncpg_url
from tests.application import application
from tests.integration.config_service.askers import Api
from tests.integration.config_service.dials import Dial


@pytest.fixture
async def own_database(
    session_workspace: Workspace, handlers_database_url: str, emptied_database: AsyncEngine
) -> AsyncIterator[AsyncEngine]:
    """The emptied database, as the service's role sees it."""
    del emptied_database  # it is what empties
    url = session_workspace.service_url("config_service", handlers_database_url)
    engine = create_async_engine(asyncpg_url(url), poolclass=NullPool)
    yield engine
    await engine.dispose()


@pytest.fixture
async def api(own_database: AsyncEngine) -> AsyncIterator[Api]:
    """The API on an empty database."""
    transport = httpx.ASGITransport(application(own_database))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield Api(client)


@pytest.fixture
def dial(own_database: AsyncEngine, emptied_database: AsyncEngine) -> Dial:
    """A replica."""
    return Dial(own_database, operator=emptied_database)


@pytest.fixture
def other_dial(own_database: AsyncEngine, emptied_database: AsyncEngine) -> Dial:
    """Another one, which knows nothing of the first but what the database says."""
    return Dial(own_database, operator=emptied_database)
