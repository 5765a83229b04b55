"""A broker that asks whoever only looks at a queue for the right to declare it, as RabbitMQ 4.2.6 and 4.3.0 do."""

from __future__ import annotations

from tests.proxy import Flow, Proxy

PASSIVE, ACTIVE = b"\x01", b"\x00"
"""The bits of Queue.Declare, which follow the queue's name."""


class Strict(Proxy):
    """What comes passive reaches the broker active, which refuses it, for queues whose names end with `ending`."""

    def __init__(self, url: str, *, ending: str) -> None:
        super().__init__(url)
        self._ending = ending.encode()

    async def treat(self, flow: Flow, data: bytes) -> None:
        if flow.way == "to server":
            data = data.replace(self._ending + PASSIVE, self._ending + ACTIVE)
        await super().treat(flow, data)
