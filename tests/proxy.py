"""A TCP port in front of a server, which sees both directions of every connection: what each proxy of the tests is."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Self
from urllib.parse import urlsplit, urlunsplit

from dev.servers.ports import LOOPBACK, free_ports

CHUNK_BYTES = 65_536
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: on, for no time at all."""

Way = Literal["to server", "to client"]


@dataclass(eq=False, slots=True, weakref_slot=True)
class Connection:
    """One client's, with the one that was made to the server for it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    client_cut_off: bool = False

    def reset(self) -> None:
        """End both sides at once, as a RST, not as a farewell."""
        for writer in (self.client, self.server):
            _reset(writer)

    def cut_client_off(self) -> None:
        """End the client's side; the server is told nothing, and what it says from here on is lost."""
        self.client_cut_off = True
        _reset(self.client)


@dataclass(eq=False, slots=True)
class Flow:
    """One direction of a connection. `passed`: bytes so far."""

    connection: Connection
    way: Way
    source: asyncio.StreamReader
    sink: asyncio.StreamWriter
    passed: int = 0
    due_at: float = field(default=0.0)
    """When, by the loop's clock, the last of what was delayed arrives."""


class Proxy:
    """Stands for the server of a URL under a port of its own, while entered; passes everything on.

    A subclass says what becomes of what comes, by `treat`.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or LOOPBACK, parts.port or 0)
        (self._port,) = free_ports(1)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections: set[Connection] = set()
        self.url = self.stand_for(url)

    def stand_for(self, url: str) -> str:
        """The same URL, through here."""
        parts = urlsplit(url)
        credentials = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{credentials}@{LOOPBACK}:{self._port}"))

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        if self._server:
            self._server.close()
        await self.cut()

    async def open(self) -> None:
        """Listen from now on."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self._port)

    async def cut(self) -> None:
        """End every connection there is; what is held is lost with it. New ones may come."""
        tasks, self._tasks = self._tasks, set()
        connections, self.connections = self.connections, set()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for writer in [writer for one in connections for writer in (one.client, one.server)]:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def treat(self, flow: Flow, data: bytes) -> None:
        """Pass on what came."""
        flow.sink.write(data)
        await flow.sink.drain()

    async def carry(self, flow: Flow) -> None:
        """One direction, to its end. The end is passed on too, but not to the server of a client that was cut off."""
        with suppress(ConnectionError):
            while data := await flow.source.read(CHUNK_BYTES):
                if not flow.sink.is_closing():
                    await self.treat(flow, data)
                    flow.passed += len(data)
        await asyncio.sleep(flow.due_at - asyncio.get_running_loop().time())
        if flow.way == "to client":
            flow.connection.server.close()
        if not flow.connection.client_cut_off:
            flow.sink.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection(*self._target)
        except ConnectionError:
            writer.close()
            return
        connection = Connection(writer, there_writer)
        self.connections.add(connection)
        flows = Flow(connection, "to server", reader, there_writer), Flow(connection, "to client", there_reader, writer)
        carried = [asyncio.create_task(self.carry(flow)) for flow in flows]
        self._tasks.update(carried)
        for task in carried:
            task.add_done_callback(self._tasks.discard)
        carried[1].add_done_callback(lambda _: self.connections.discard(connection))


def _reset(writer: asyncio.StreamWriter) -> None:
    if not writer.transport.is_closing():
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()
