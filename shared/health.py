"""The admin port of a service: /healthz (is the event loop alive), /readyz (can it do its work), /metrics."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import TYPE_CHECKING, Annotated

import h11
import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field
from uvicorn.protocols.http.h11_impl import H11Protocol

from shared.errors import DependencyError, DeploymentError
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    Check = Callable[[], bool]

PING_TTL_S = 5.0
PING_TIMEOUT_S = 3.0

CONNECTIONS_MAX = 1000
"""Per port; whoever comes when there are so many is answered 503 at once."""
HEAD_BYTES_MAX = 32 * 1024
"""Of a request's line and headers together; a token has at most 4 KiB."""
HEAD_TIMEOUT_S = 10.0
"""From the connection, or from a request's first byte, until its headers are whole."""
IDLE_TIMEOUT_S = 5
"""Between two requests of a connection."""
STOP_TIMEOUT_S = 2
FRAME_BYTES_MAX = 64 * 1024
"""The largest WebSocket message that is taken in at all."""
KEEP_ALIVE_S = 20.0
"""How often a WebSocket's peer is asked whether it is there, and how long it may take to answer."""
UNREAD_TIMEOUT_S = 30.0
"""How long a peer may leave unread what was sent to it before the kernel gives the connection up."""


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


class _BoundedProtocol(H11Protocol):
    """uvicorn's, but for callers who never finish the head of a request: uvicorn itself would wait for ever."""

    _giving_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_watching()

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_watching()
        elif self._giving_up is None:
            self._giving_up = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.close)

    def _stop_watching(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None


async def serve_http(
    app: FastAPI, *, host: str, port: int, setting: str, trusted_proxies: str = "", websockets_max: int = 0
) -> None:
    """Serve until cancelled. Raises DeploymentError where the port, named by `setting`, cannot be had.

    `trusted_proxies`: those whose word on the caller's address and scheme is taken, separated by commas.
    `websockets_max`: how many WebSockets `app` keeps open; they leave requests the room that these have without them.
    """
    # uvicorn would exit the process where it cannot listen, past everybody who has something to close.
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise DeploymentError(f"{setting}: cannot listen on {host}:{port}: {error.strerror}") from None
    # Connections inherit it. asyncio sets it only on sockets that name their protocol, which these do not; without it
    # each answer waits 40 ms for the caller's delayed acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        # A connection that is closed would wait for ever for a peer that never reads what was sent to it.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD_TIMEOUT_S * 1000))
    server = _Server(
        uvicorn.Config(
            app,
            http=_BoundedProtocol,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=trusted_proxies,
            limit_concurrency=CONNECTIONS_MAX + websockets_max,
            h11_max_incomplete_event_size=HEAD_BYTES_MAX,
            timeout_keep_alive=IDLE_TIMEOUT_S,
            timeout_graceful_shutdown=STOP_TIMEOUT_S,
            ws_max_size=FRAME_BYTES_MAX,
            ws_ping_interval=KEEP_ALIVE_S,
            ws_ping_timeout=KEEP_ALIVE_S,
            ws_per_message_deflate=False,  # some 60 kB for each client, to shorten what comes once a second at the most
        )
    )
    serving = asyncio.ensure_future(server.serve([listening]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
