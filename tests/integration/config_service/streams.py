"""The live stream on a port of its own: the real routes on a real server and database, and clients by real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from dev.servers.ports import LOOPBACK, free_ports
from dev.waiting import eventually
from services.config_service.changes import Changes
from services.config_service.http.app import config_app
from services.config_service.http.configuration import configuration_routes
from services.config_service.http.stream import STREAM_PATH, stream_routes
from services.config_service.subscribers import Subscribers
from services.config_service.timeline import Timeline
from shared.health import serve_http
from shared.tokens import TokenVerifier, issue_token
from tests.application import TOKENS, bearer, throttle

FRAME_TIMEOUT_S = 10.0


def token(*, lifetime_s: int = 600) -> str:
    """A token of a user."""
    return issue_token(TOKENS, user="u-1", role="user", lifetime_s=lifetime_s)


class Streaming:
    """A server, and what its clients do."""

    def __init__(self, engine: AsyncEngine, *, most: int) -> None:
        self.changes = Changes(engine, command_s=30, timeout_s=20)
        self.subscribers = Subscribers(most=most)
        self.timeline = Timeline(self.changes, self.subscribers)
        (self.port,) = free_ports(1)
        tokens = TokenVerifier(TOKENS)
        self.app = config_app(
            configuration_routes(self.changes),
            stream_routes(self.changes, self.subscribers, tokens=tokens),
            tokens=tokens,
            throttle=throttle(),
        )

    def connect(self, path: str = STREAM_PATH, **arguments: Any) -> connect:
        """A client that says nothing yet."""
        return connect(f"ws://{LOOPBACK}:{self.port}{path}", proxy=None, **arguments)

    @asynccontextmanager
    async def client(self, given: str | None = None, **arguments: Any) -> AsyncIterator[ClientConnection]:
        """A client that has shown its token."""
        async with self.connect(**arguments) as client:
            await client.send(json.dumps({"token": given or token()}))
            yield client

    async def configuration(self) -> dict[str, Any]:
        """What GET answers."""
        async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{self.port}", trust_env=False) as client:
            answer: dict[str, Any] = (await client.get("/api/v1/risk/config", headers=bearer())).json()
        return answer

    async def until_following(self, count: int) -> None:
        """Return once so many follow."""

        async def look() -> bool:
            return len(self.subscribers) == count

        await eventually(look)


@asynccontextmanager
async def streaming(engine: AsyncEngine, *, most: int = 10) -> AsyncIterator[Streaming]:
    """A server for the length of the block."""
    made = Streaming(engine, most=most)
    serving = serve_http(made.app, host=LOOPBACK, port=made.port, setting="LOTWISE_HTTP_PORT")
    tasks = [asyncio.create_task(serving), asyncio.create_task(made.timeline.run())]
    try:
        await eventually(lambda: _listens(made.port))
        await eventually(lambda: _started(made.subscribers))
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def received(client: ClientConnection) -> dict[str, Any]:
    """The next configuration."""
    configuration: dict[str, Any] = json.loads(await asyncio.wait_for(client.recv(), FRAME_TIMEOUT_S))
    return configuration


async def versions(client: ClientConnection, count: int) -> list[int]:
    """The versions of the next frames."""
    return [(await received(client))["config_version"] for _ in range(count)]


async def close_code(client: ClientConnection, *, timeout_s: float = FRAME_TIMEOUT_S) -> int | None:
    """The code that the server closes with, whatever it sends before."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                await client.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except ConnectionRefusedError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def _started(subscribers: Subscribers) -> bool:
    return subscribers.newest is not None
