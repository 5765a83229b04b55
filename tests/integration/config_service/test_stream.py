"""The live stream: who may follow it, what they get, and how it ends."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dev.servers.ports import LOOPBACK
from services.config_service.http.streaming import FRAMES_IGNORED_MAX, Following
from services.config_service.verdict import Order
from shared.tokens import Claims
from tests.application import throttle
from tests.counting import Counted
from tests.integration.config_service.dials import command
from tests.integration.config_service.streams import (
    FRAME_TIMEOUT_S,
    Streaming,
    close_code,
    received,
    streaming,
    token,
    versions,
)

CHUNK = 100
VERSIONS_MAX = 30_000
"""Of a kilobyte each: more than any kernel holds for one who does not read."""


@pytest.fixture
async def stream(emptied_database: AsyncEngine) -> AsyncIterator[Streaming]:
    """A server with room for two."""
    async with streaming(emptied_database, most=2) as made:
        yield made


async def change(stream: Streaming) -> int:
    """The owner turns the dial; the version that this makes."""
    await stream.changes.apply(Order(command(), "owner-1"))
    version = stream.changes.latest_version
    assert version
    return version


async def test_a_client_gets_what_get_answers_and_then_each_change(stream: Streaming) -> None:
    async with stream.client() as client:
        first = await received(client)
        assert first == await stream.configuration()

        version = await change(stream)

        assert await received(client) == await stream.configuration()
        assert version == first["config_version"] + 1


async def test_who_connects_again_begins_with_the_configuration_now(stream: Streaming) -> None:
    async with stream.client() as client:
        before = (await received(client))["config_version"]
    for _ in range(3):
        await change(stream)

    async with stream.client() as client:
        assert await versions(client, 1) == [before + 3]


@pytest.mark.alone
async def test_who_shows_no_token_in_time_is_closed(stream: Streaming) -> None:
    started = time.monotonic()
    async with stream.connect() as client:
        assert await close_code(client) == 4401

    assert 4.5 < time.monotonic() - started < 8


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{}",
        "[]",
        token(),
        json.dumps({"token": None}),
        json.dumps({"token": "nonsense"}),
        json.dumps({"token": token(lifetime_s=-1)}),
        json.dumps({"token": token()[:-2]}),
        json.dumps({"token": token(), "more": 1}),
        json.dumps({"token": "x" * 40_000}),
        json.dumps({"token": token()}).encode(),
    ],
    ids=["empty", "none", "list", "bare", "null", "nonsense", "ended", "cut", "more", "huge", "bytes"],
)
async def test_a_first_frame_without_a_good_token_closes(stream: Streaming, frame: str | bytes) -> None:
    async with stream.connect() as client:
        await client.send(frame)

        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(client.recv(), 3)

    assert closed.value.rcvd
    assert closed.value.rcvd.code == 4401


async def test_who_opens_streams_too_often_is_to_come_later_and_others_are_not(emptied_database: AsyncEngine) -> None:
    async with streaming(emptied_database, limits=throttle(reads=2)) as stream:
        for _ in range(2):
            async with stream.client() as client:
                await received(client)

        async with stream.client() as client:
            assert await close_code(client) == 1013
        async with stream.client(token(user="u-2")) as client:
            await received(client)


async def test_guesses_of_tokens_are_counted_and_a_good_one_is_let_in(emptied_database: AsyncEngine) -> None:
    refused = Counted("lotwise_http_throttled_total")
    async with streaming(emptied_database, limits=throttle(auth_failures=1)) as stream:
        for code in (4401, 1013):
            async with stream.client("nonsense") as client:
                assert await close_code(client) == code
        async with stream.client() as client:
            await received(client)

    assert refused.by("limit") == {("auth_failures",): 1}


async def test_a_bug_ends_one_stream_and_is_counted_as_one(stream: Streaming) -> None:
    @asynccontextmanager
    async def follow(_: Claims) -> AsyncIterator[Following]:
        async def text() -> str:
            raise LookupError("a bug")

        yield Following(text)

    stream.app.add_api_websocket_route("/api/broken", stream.streams.serving(follow))
    ended = Counted("lotwise_streams_ended_total")
    async with stream.client(path="/api/broken") as client:
        assert await close_code(client) == 1011

    assert ended.by("how") == {("failed",): 1}


async def test_a_stream_ends_with_its_token(stream: Streaming) -> None:
    async with stream.client(token(lifetime_s=2)) as client:
        await received(client)

        assert await close_code(client, timeout_s=5) == 4401


async def test_there_is_room_for_so_many_and_again_when_one_leaves(stream: Streaming) -> None:
    async with stream.client() as one:
        async with stream.client() as another:
            await received(one)
            await received(another)
            async with stream.client() as third:
                assert await close_code(third) == 1013
        await stream.until_following(1)

        async with stream.client() as fourth:
            assert await received(fourth) == await stream.configuration()


@pytest.mark.alone
async def test_a_client_that_never_reads_is_closed_and_delays_nobody(stream: Streaming) -> None:
    config = (await stream.changes.current()).model_copy(update={"reason": "r" * 500})
    with socket.socket() as unread:
        unread.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        unread.connect((LOOPBACK, stream.port))
        async with stream.client() as quick, stream.client(sock=unread, max_queue=1) as slow:
            await received(quick)
            await stream.until_following(2)
            slowest_s, next_version = 0.0, 2
            while len(stream.subscribers) == 2 and next_version < VERSIONS_MAX:
                started = time.monotonic()
                for version in range(next_version, next_version + CHUNK):
                    stream.subscribers.publish(config.model_copy(update={"config_version": version}))
                assert await versions(quick, CHUNK) == list(range(next_version, next_version + CHUNK))
                slowest_s = max(slowest_s, time.monotonic() - started)
                next_version += CHUNK

            assert next_version < VERSIONS_MAX
            assert slowest_s < 2
            assert await close_code(slow) == 4408
            with pytest.raises(TimeoutError):  # the quick one is still there
                await asyncio.wait_for(quick.recv(), 0.1)


@pytest.mark.parametrize(("frame", "code"), [("x" * 5000, 1009), ("x" * 70_000, 1009)])
async def test_a_client_that_says_much_is_closed(stream: Streaming, frame: str, code: int) -> None:
    async with stream.client() as client:
        await received(client)

        await client.send(frame)

        assert await close_code(client) == code


async def test_a_client_that_keeps_talking_is_closed(stream: Streaming) -> None:
    async with stream.client() as client:
        await received(client)

        for _ in range(FRAMES_IGNORED_MAX):
            await client.send("hello")

        assert await close_code(client) == 1008


async def test_what_a_client_says_later_is_ignored(stream: Streaming) -> None:
    async with stream.client() as client:
        await received(client)
        for _ in range(10):
            await client.send("hello")

        await change(stream)

        assert await received(client) == await stream.configuration()


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", f"http://{LOOPBACK}", "http://[", ""])
async def test_a_page_of_another_site_is_refused(stream: Streaming, origin: Any) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await stream.connect(additional_headers={"Origin": origin})

    assert refused.value.response.status_code == 403


async def test_a_page_of_this_site_may_follow(stream: Streaming) -> None:
    async with stream.client(origin=f"http://{LOOPBACK}:{stream.port}") as client:
        assert await received(client) == await stream.configuration()


@pytest.mark.parametrize("path", ["/", "/api/v1/workers", "/api/v1/risk/config", "/api/v1/risk/config/stream/more"])
async def test_no_other_path_takes_a_websocket(stream: Streaming, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await stream.connect(path)

    assert refused.value.response.status_code == 403


async def test_while_the_service_starts_nobody_follows(stream: Streaming) -> None:
    stream.subscribers.newest = None

    async with stream.client() as client:
        assert await close_code(client, timeout_s=FRAME_TIMEOUT_S) == 1013
