"""The admin port of a service: /healthz (is the event loop alive), /readyz (can it do its work), /metrics."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import TYPE_CHECKING, Annotated

import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field

from shared.errors import DependencyError, DeploymentError
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    Check = Callable[[], bool]

PING_TTL_S = 5.0
PING_TIMEOUT_S = 3.0


class AdminSettings(Settings):
    """Where the admin port listens."""

    admin_host: str = "127.0.0.1"
    admin_port: Annotated[int, Field(ge=0, le=65535)] = 9100


class DatabaseCheck:
    """Whether the database answers, asked at most every five seconds however often readiness is."""

    def __init__(self, ping: Callable[[], Awaitable[None]]) -> None:
        self._ping = ping
        self._asked_at = float("-inf")
        self._answers = False

    async def refresh(self) -> None:
        """Ask again if the last answer is old."""
        if time.monotonic() - self._asked_at < PING_TTL_S:
            return
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                await self._ping()
            self._answers = True
        except (DependencyError, TimeoutError):
            self._answers = False
        self._asked_at = time.monotonic()

    def __call__(self) -> bool:
        """The last answer."""
        return self._answers


def admin_app(checks: Mapping[str, Check], *, database: DatabaseCheck) -> FastAPI:
    """The admin endpoints. Liveness asks nobody else: a broker's outage must not restart every service."""
    app = FastAPI(openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        await database.refresh()
        states = {"database": database(), **{name: check() for name, check in checks.items()}}
        ready = all(states.values())
        content = {"status": "ready" if ready else "not ready", "checks": states}
        return JSONResponse(content, status_code=200 if ready else 503)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the service decides when it stops."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_http(app: FastAPI, *, host: str, port: int, setting: str) -> None:
    """Serve until cancelled. Raises DeploymentError where the port, named by `setting`, cannot be had."""
    # uvicorn would exit the process where it cannot listen, past everybody who has something to close.
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise DeploymentError(f"{setting}: cannot listen on {host}:{port}: {error.strerror}") from None
    # Connections inherit it. asyncio sets it only on sockets that name their protocol, which these do not; without it
    # each answer waits 40 ms for the caller's delayed acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = _Server(
        uvicorn.Config(app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2)
    )
    serving = asyncio.ensure_future(server.serve([listening]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
