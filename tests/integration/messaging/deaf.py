"""A proxy that swallows deliveries: the connection lives, answers and beats, and its consumer hears nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tests.proxy import Flow, Proxy

METHOD = 1
CONTENT = (2, 3)
DELIVER = (60).to_bytes(2) + (60).to_bytes(2)


class SwallowingProxy(Proxy):
    """Stands for the broker of a URL; the first `swallow` deliveries through it never arrive."""

    def __init__(self, url: str, *, swallow: int) -> None:
        super().__init__(url)
        self._left = swallow
        self.swallowed = 0

    async def carry(self, flow: Flow) -> None:
        """Pass on the broker's frames, but for a delivery's method and what belongs to it."""
        if flow.way == "to server":
            await super().carry(flow)
            return
        swallowing = False
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await flow.source.readexactly(7)
                rest = await flow.source.readexactly(int.from_bytes(head[3:7]) + 1)
                if head[0] == METHOD:
                    swallowing = rest.startswith(DELIVER) and self._left > 0
                    self._left -= swallowing
                    self.swallowed += swallowing
                if not (swallowing and head[0] in (METHOD, *CONTENT)):
                    await self.treat(flow, head + rest)
        flow.sink.close()
