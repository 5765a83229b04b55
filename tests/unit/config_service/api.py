"""Callers of the HTTP API in this process, whose database cannot be reached."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from services.config_service.http.throttle import Throttle
from tests.application import application, bearer, unreachable_engine

CONFIG = "/api/v1/risk/config"
HEALTH = "/api/v1/trading/health"


@asynccontextmanager
async def config_client(
    *, limits: Throttle | None = None, base_url: str = "http://config"
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application."""
    engine = unreachable_engine()
    transport = httpx.ASGITransport(application(engine, limits=limits), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=base_url) as made:
        yield made
    await engine.dispose()


async def post(client: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    """Post a body to the dial, as the owner unless `headers` say otherwise."""
    return await client.post(CONFIG, content=body, headers={**bearer(), "Content-Type": "application/json"} | headers)
