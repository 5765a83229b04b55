"""Two replicas of the dial, and the HTTP API in this process, on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.application import application
from tests.integration.config_service.askers import Api
from tests.integration.config_service.dials import Dial


@pytest.fixture
async def api(emptied_database: AsyncEngine) -> AsyncIterator[Api]:
    """The API on an empty database."""
    transport = httpx.ASGITransport(application(emptied_database))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield Api(client)


@pytest.fixture
def dial(emptied_database: AsyncEngine) -> Dial:
    """A replica."""
    return Dial(emptied_database)


@pytest.fixture
def other_dial(emptied_database: AsyncEngine) -> Dial:
    """Another one, which knows nothing of the first but what the database says."""
    return Dial(emptied_database)
