"""Whoever holds a connection without using it, sends too much of a head, or comes when there are too many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from dev.servers.ports import LOOPBACK, free_ports
from dev.waiting import eventually
from shared import health
from shared.health import HEAD_BYTES_MAX, serve_http

GET = b"GET /slow HTTP/1.1\r\nHost: lotwise\r\n"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Served:
    """A server, and connections to it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self, sent: bytes) -> asyncio.StreamReader:
        """Connect, send, and listen."""
        reader, writer = await asyncio.open_connection(LOOPBACK, self._port)
        self._writers.append(writer)
        writer.write(sent)
        await writer.drain()
        return reader

    async def accepts(self) -> bool:
        """Whether it listens."""
        try:
            await self.connect(b"")
        except OSError:
            return False
        return True

    async def close(self) -> None:
        """Hang up."""
        for writer in self._writers:
            writer.close()


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    """An application that is slower than the patience with heads, which is short here."""
    monkeypatch.setattr(health, "HEAD_TIMEOUT_S", 0.3)
    app = FastAPI()

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(0.6)  # the work that it takes
        return "done"

    (port,) = free_ports(1)
    serving = asyncio.create_task(serve_http(app, host=LOOPBACK, port=port, setting="PORT"))
    made = Served(port)
    await eventually(made.accepts)
    yield made
    await made.close()
    serving.cancel()
    await asyncio.wait([serving])


@pytest.mark.parametrize("sent", [b"", b"GET", GET], ids=["nothing", "half a line", "half a head"])
async def test_who_does_not_finish_the_head_is_hung_up_on(served: Served, sent: bytes) -> None:
    reader = await served.connect(sent)

    assert await asyncio.wait_for(reader.read(), timeout=5) == b""


async def test_who_sent_the_whole_head_is_answered_however_long_it_takes(served: Served) -> None:
    reader = await served.connect(GET + b"Connection: close\r\n\r\n")

    answer = await asyncio.wait_for(reader.read(), timeout=5)

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b'"done"')


async def test_a_head_that_is_too_large_is_refused(served: Served) -> None:
    reader = await served.connect(GET + b"X-Long: " + b"x" * HEAD_BYTES_MAX)

    answer = await asyncio.wait_for(reader.read(), timeout=5)

    assert answer.startswith(b"HTTP/1.1 400")
