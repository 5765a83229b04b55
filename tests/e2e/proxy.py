"""TCP ports in front of a server: one that opens late, and one that holds back what a connection should hear, or cuts
it."""

from __future__ import annotations

import asyncio
from typing import Self
from weakref import WeakKeyDictionary

from tests.proxy import Connection, Flow, Proxy

FIRST_WORDS_BYTES = 4096
"""So much of what a client says is searched for its connection's name."""


class LateServer(Proxy):
    """Nobody listens under its port before `open`."""

    async def __aenter__(self) -> Self:
        return self


class HoldingProxy(Proxy):
    """Stands for the broker of a URL; holds back what the connections named `name` should hear, while told to.

    What was held arrives after `release`, in its order: a broadcast that is late. Before that it is one that is lost.
    """

    def __init__(self, url: str, *, name: str) -> None:
        super().__init__(url)
        self._name = name.encode()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._said: WeakKeyDictionary[Connection, bytes] = WeakKeyDictionary()

    def hold(self) -> None:
        """Let them hear nothing from here on."""
        self._flowing.clear()

    def release(self) -> None:
        """Let them hear everything, what was held first."""
        self._flowing.set()

    async def treat(self, flow: Flow, data: bytes) -> None:
        """Hold back what they should hear; a client's first words hold its name."""
        said = self._said.get(flow.connection, b"")
        if flow.way == "to server":
            self._said[flow.connection] = (said + data)[:FIRST_WORDS_BYTES]
        elif self._name in said:
            await self._flowing.wait()
        await super().treat(flow, data)
