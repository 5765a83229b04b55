"""A client of the HTTP API, whose database cannot be reached."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.unit.config_service.api import config_client


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A caller of the application in this process."""
    async with config_client() as made:
        yield made
