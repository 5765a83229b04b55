"""A proxy that swallows deliveries: the connection lives, answers and beats, and its consumer hears nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from dev.servers.ports import LOOPBACK, free_ports

METHOD = 1
CONTENT = (2, 3)
DELIVER = (60).to_bytes(2) + (60).to_bytes(2)


class SwallowingProxy:
    """Stands for the broker of a URL; the first `swallow` deliveries through it never arrive."""

    def __init__(self, url: str, *, swallow: int) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or LOOPBACK, parts.port or 0)
        (self._port,) = free_ports(1)
        credentials = parts.netloc.rpartition("@")[0]
        self.url = urlunsplit(parts._replace(netloc=f"{credentials}@{LOOPBACK}:{self._port}"))
        self._left = swallow
        self.swallowed = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self._port)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        for pump in (_pass_on(reader, there_writer), self._tell(there_reader, writer)):
            task = asyncio.create_task(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Pass on the broker's frames, but for a delivery's method and what belongs to it."""
        swallowing = False
        try:
            while True:
                head = await source.readexactly(7)
                rest = await source.readexactly(int.from_bytes(head[3:7]) + 1)
                if head[0] == METHOD:
                    swallowing = rest.startswith(DELIVER) and self._left > 0
                    self._left -= swallowing
                    self.swallowed += swallowing
                if not (swallowing and head[0] in (METHOD, *CONTENT)):
                    sink.write(head + rest)
                    await sink.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            sink.close()


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        with suppress(ConnectionError):
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
    finally:
        sink.close()
