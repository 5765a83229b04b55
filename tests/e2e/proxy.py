"""TCP ports in front of a server: one that opens late, and one that holds back what a connection should hear, or cuts
it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from dev.servers.ports import LOOPBACK, free_ports

FIRST_WORDS_BYTES = 4096
"""So much of what a client says is searched for its connection's name."""


class LateServer:
    """Stands for the server of a URL, under a port of its own; nobody listens there before `open`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or LOOPBACK, parts.port or 0)
        (self._port,) = free_ports(1)
        credentials = parts.netloc.rpartition("@")[0]
        self.url = urlunsplit(parts._replace(netloc=f"{credentials}@{LOOPBACK}:{self._port}"))
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def open(self) -> None:
        """Listen from now on."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self._port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            task = asyncio.create_task(_pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


class HoldingProxy:
    """Stands for the broker of a URL; holds back what the connections named `name` should hear, while told to.

    What was held arrives after `release`, in its order: a broadcast that is late. Before that it is one that is lost.
    """

    def __init__(self, url: str, *, name: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or LOOPBACK, parts.port or 0)
        (self._port,) = free_ports(1)
        credentials = parts.netloc.rpartition("@")[0]
        self.url = urlunsplit(parts._replace(netloc=f"{credentials}@{LOOPBACK}:{self._port}"))
        self._name = name.encode()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self._port)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self._server.close()
        self.release()
        await self.cut()

    def hold(self) -> None:
        """Let them hear nothing from here on."""
        self._flowing.clear()

    def release(self) -> None:
        """Let them hear everything, what was held first."""
        self._flowing.set()

    async def cut(self) -> None:
        """End every connection there is; what was held is lost with it. New ones may come."""
        tasks, self._tasks = self._tasks, set()
        writers, self._writers = self._writers, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for writer in writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        self._writers += [writer, there_writer]
        said = bytearray()
        for pump in (self._listen(reader, there_writer, said), self._tell(there_reader, writer, said)):
            task = asyncio.create_task(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _listen(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, said: bytearray) -> None:
        """Pass on what the client says; its first words hold its name."""
        with suppress(ConnectionError):
            while data := await source.read(65_536):
                said += data[: max(FIRST_WORDS_BYTES - len(said), 0)]
                sink.write(data)
                await sink.drain()
        sink.close()

    async def _tell(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, said: bytearray) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65_536):
                if self._name in said:
                    await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        sink.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    sink.close()
