"""Requests that await a reply, over direct reply-to: what `shared.client` is made of."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from shared.errors import DependencyError, UnknownOutcomeError
from shared.messaging.batch_channel import Batch, BatchChannel
from shared.messaging.link import BrokerSettings, broker_errors, keep_connected, open_link
from shared.messaging.publisher import Outgoing, UnroutableError
from shared.messaging.topology import DIRECT_REPLY_TO

if TYPE_CHECKING:
    from aiormq.abc import DeliveredMessage


class Requester:
    """Sends requests and hands each its reply. `run` must be running.

    One channel does both: direct reply-to takes replies only on the channel that published the request. A reply that
    comes after its request was given up, or over a connection that was lost, is dropped: ask again with the same id.
    """

    def __init__(self, settings: BrokerSettings, *, name: str) -> None:
        self._settings = settings
        self._name = name
        self._channel: BatchChannel | None = None
        self._up = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[bytes | UnknownOutcomeError]] = {}

    async def run(self) -> None:
        """Keep connected until cancelled."""
        await keep_connected(self._session, role="request")

    async def _session(self) -> None:
        async with open_link(self._settings, name=self._name) as link:
            async with broker_errors(self._settings.amqp_timeout_seconds):
                channel = await link.open_batch_channel(publisher_confirms=True)
                await channel.consume(DIRECT_REPLY_TO, self._take, no_ack=True)
            self._channel = channel
            self._up.set()
            try:
                await link.lost.wait()
            finally:
                self._up.clear()
                self._channel = None
                self._fail_waiting(link.cause)
        raise DependencyError(f"the requesting connection was lost: {link.cause}")

    async def request(self, outgoing: Outgoing) -> bytes:
        """Publish `outgoing` once and return the body of its reply, however long that takes: the deadline is the
        caller's.

        Raises UnknownOutcomeError where the connection was lost before that, DependencyError where there is none, the
        broker refuses the request, or no queue takes it.
        """
        correlation_id = str(uuid4())
        reply: asyncio.Future[bytes | UnknownOutcomeError] = asyncio.get_running_loop().create_future()
        try:
            async with broker_errors(self._settings.amqp_timeout_seconds):
                await self._up.wait()
            # Not bounded: a slow confirmation is no reason to send again, and a lost connection ends the wait.
            async with broker_errors(None):
                self._waiting[correlation_id] = reply
                await self._send(outgoing, correlation_id)
            answer = await reply
        finally:
            self._waiting.pop(correlation_id, None)
        if isinstance(answer, UnknownOutcomeError):
            raise answer
        return answer

    async def _send(self, outgoing: Outgoing, correlation_id: str) -> None:
        if self._channel is None:
            raise DependencyError("the requesting connection is down")
        asked = replace(outgoing, reply_to=DIRECT_REPLY_TO, correlation_id=correlation_id)
        batch = Batch([asked.publication(self._settings.user)])
        await self._channel.publish_batch(batch)
        if batch.verdicts == ["unroutable"]:
            raise UnroutableError(f"no queue takes {outgoing.exchange!r} {outgoing.routing_key!r}")
        if batch.verdicts == ["refused"]:
            raise DependencyError(f"the broker refused to store {outgoing.type}")

    def _take(self, message: DeliveredMessage) -> None:
        waiting = self._waiting.get(message.header.properties.correlation_id or "")
        if waiting and not waiting.done():
            waiting.set_result(message.body)

    def _fail_waiting(self, cause: str) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(UnknownOutcomeError(f"the connection was lost before the reply came: {cause}"))
