"""A webhook of the test's own: a real HTTP server, which apprise posts JSON to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from dev.servers.ports import LOOPBACK
from dev.waiting import eventually

SECRET = "hunter-of-two-tokens"


class Webhook:
    """Takes what comes, unless it `refuses`; says nothing while its `gate` is shut. apprise waits `patience_s`."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.refuses = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = 0
        self.patience_s = 1
        self.port = 0

    @property
    def url(self) -> str:
        """Where apprise finds it; a secret, as every such URL is."""
        return f"json://robot:{SECRET}@{LOOPBACK}:{self.port}/?cto=1&rto={self.patience_s}"

    @property
    def titles(self) -> list[str]:
        """Of every message, in the order that they came."""
        return [message["title"] for message in self.messages]

    async def until(self, count: int, *, timeout_s: float = 10) -> list[str]:
        """The titles, once so many have come."""

        async def look() -> bool:
            return len(self.messages) >= count

        await eventually(look, timeout_s=timeout_s)
        return self.titles

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        body = json.loads(await reader.readexactly(length))
        self.asked += 1
        await self.gate.wait()
        if not self.refuses:
            self.messages.append(body)
        status = b"500 No" if self.refuses else b"200 OK"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()


@asynccontextmanager
async def webhook() -> AsyncIterator[Webhook]:
    """A webhook for the length of the block."""
    made = Webhook()
    async with await asyncio.start_server(made.take, LOOPBACK, 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made
        made.gate.set()
