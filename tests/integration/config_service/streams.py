"""The live streams on a port of their own: the real routes on a real server and database, clients by real sockets."""

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
from services.config_service.http.decision_stream import DECISION_STREAM_PATH, decision_stream_routes, decision_tail
from services.config_service.http.decisions import DECISIONS_PATH, decision_routes
from services.config_service.http.stream import STREAM_PATH, stream_routes
from services.config_service.http.streaming import Streams
from services.config_service.http.throttle import Throttle
from services.config_service.reading import Reading
from services.config_service.subscribers import Subscribers
from services.config_service.timeline import Timeline
from shared.health import serve_http
from shared.tokens import Role, TokenVerifier, issue_token
from tests.application import TOKENS, bearer, throttle

FRAME_TIMEOUT_S = 10.0


def token(role: Role = "user", *, user: str = "u-1", lifetime_s: int = 3600) -> str:
    """A token of a user, or of somebody else."""
    return issue_token(TOKENS, user=user, role=role, lifetime_s=lifetime_s)


class Streaming:
    """A server, and what its clients do."""

    def __init__(self, engine: AsyncEngine, *, most: int, limits: Throttle) -> None:
        self.changes = Changes(engine, command_s=30, timeout_s=20)
        self.subscribers = Subscribers(most=most)
        self.timeline = Timeline(self.changes, self.subscribers)
        reading = Reading(engine)
        self.tail = decision_tail(reading, most=most)
        (self.port,) = free_ports(1)
        tokens = TokenVerifier(TOKENS)
        self.streams = Streams(tokens=tokens, throttle=limits)
        self.app = config_app(
            configuration_routes(self.changes),
            stream_routes(self.changes, self.subscribers, streams=self.streams),
            decision_routes(reading),
            decision_stream_routes(self.tail, streams=self.streams),
            tokens=tokens,
            throttle=limits,
        )

    def connect(self, path: str = STREAM_PATH, **arguments: Any) -> connect:
        """A client that says nothing yet."""
        return connect(f"ws://{LOOPBACK}:{self.port}{path}", proxy=None, **arguments)

    @asynccontextmanager
    async def client(
        self, given: str | None = None, *, path: str = STREAM_PATH, **arguments: Any
    ) -> AsyncIterator[ClientConnection]:
        """A client that has shown its token."""
        async with self.connect(path, **arguments) as client:
            await client.send(json.dumps({"token": given or token()}))
            yield client

    @asynccontextmanager
    async def decisions(self, given: str | None = None) -> AsyncIterator[ClientConnection]:
        """A client that follows the decisions: the owner's, where nobody else's token is given."""
        async with self.client(given or token("owner"), path=DECISION_STREAM_PATH) as client:
            yield client

    async def configuration(self) -> dict[str, Any]:
        """What GET answers."""
        return await self._answer("/api/v1/risk/config")

    async def newest(self, limit: int) -> list[dict[str, Any]]:
        """The newest decisions, as GET answers them to the owner."""
        items: list[dict[str, Any]] = (await self._answer(f"{DECISIONS_PATH}?limit={limit}"))["items"]
        return items

    async def _answer(self, path: str) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{self.port}", trust_env=False) as client:
            answer: dict[str, Any] = (await client.get(path, headers=bearer())).json()
        return answer

    async def until_following(self, count: int) -> None:
        """Return once so many follow."""

        async def look() -> bool:
            return len(self.subscribers) == count

        await eventually(look)


@asynccontextmanager
async def streaming(engine: AsyncEngine, *, most: int = 10, limits: Throttle | None = None) -> AsyncIterator[Streaming]:
    """A server for the length of the block."""
    made = Streaming(engine, most=most, limits=limits or throttle())
    serving = serve_http(made.app, host=LOOPBACK, port=made.port, setting="LOTWISE_HTTP_PORT")
    tasks = [asyncio.create_task(task) for task in (serving, made.timeline.run(), made.tail.run())]
    try:
        await eventually(lambda: _listens(made.port))
        await eventually(lambda: _started(made.subscribers))
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def received(client: ClientConnection) -> dict[str, Any]:
    """What the next frame says."""
    told: dict[str, Any] = json.loads(await asyncio.wait_for(client.recv(), FRAME_TIMEOUT_S))
    return told


async def versions(client: ClientConnection, count: int) -> list[int]:
    """The versions of the next frames."""
    return [(await received(client))["config_version"] for _ in range(count)]


async def setups(client: ClientConnection) -> list[str]:
    """The setups of the decisions in the next frame."""
    return [decision["setup_id"] for decision in (await received(client))["items"]]


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
