"""One work queue with a consumer of ours on it, senders beside it, and a look into every queue."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from pydantic import SecretStr
from yarl import URL

from dev.stack.workspace import VirtualHost
from dev.waiting import eventually
from shared.messaging.consumer import Consumer, ConsumerSettings
from shared.messaging.delivery import Delivery
from shared.messaging.outcomes import Ack, Outcome
from shared.messaging.publisher import Publisher
from shared.messaging.topology import ACCOUNTS, KEY_SNAPSHOT
from shared.schemas.account import AccountSnapshot
from tests import builders

ACCEPTS = frozenset({"account.snapshot.v1", "sizing.request.v1", "sizing.outcome.v1"})
Decide = Callable[[Sequence[Delivery]], Awaitable[Sequence[Outcome]]]


def settings(url: str, **more: Any) -> ConsumerSettings:
    """Settings of a service that connects to `url`."""
    return ConsumerSettings(amqp_url=SecretStr(url), **more)


@asynccontextmanager
async def background(*coroutines: Any) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Tasks that run for the length of the block."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


class Sender:
    """A plain AMQP client in a role; what it sends is up to the test."""

    def __init__(self, channel: AbstractChannel, user: str) -> None:
        self.channel = channel
        self.user = user

    async def send(
        self,
        body: bytes | dict[str, Any],
        *,
        exchange: str = ACCOUNTS,
        key: str = KEY_SNAPSHOT,
        name: str | None = "account.snapshot.v1",
        **properties: Any,
    ) -> str:
        """Publish and await the confirmation; returns the message id."""
        properties = {
            "content_type": "application/json",
            "message_id": str(uuid4()),
            "timestamp": datetime.now(UTC),
            "user_id": self.user,
            "delivery_mode": 2,
            **properties,
        }
        message = aio_pika.Message(
            body if isinstance(body, bytes) else json.dumps(body).encode(), type=name, **properties
        )
        target = await self.channel.get_exchange(exchange, ensure=False) if exchange else self.channel.default_exchange
        await target.publish(message, key)
        return str(properties["message_id"])

    async def snapshot(self, login: int = 7, **properties: Any) -> str:
        """Send a good snapshot."""
        return await self.send(builders.snapshot_document(user_id="u-1", login=login), **properties)


class Place:
    """A vhost of the test's own: senders, and what waits in its queues."""

    def __init__(self, virtual_host: VirtualHost, stack: AsyncExitStack) -> None:
        self.virtual_host = virtual_host
        self._stack = stack
        self._operator: AbstractChannel | None = None

    def url(self, role: str) -> str:
        """The AMQP URL of a role."""
        return self.virtual_host.role_urls[role]

    def user(self, role: str) -> str:
        """The broker user of a role."""
        return URL(self.url(role)).user or ""

    async def sender(self, role: str) -> Sender:
        """A plain client in a role, or as the operator."""
        url = self.virtual_host.amqp_url if role == "operator" else self.url(role)
        connection = await self._stack.enter_async_context(await aio_pika.connect(url))
        return Sender(await connection.channel(on_return_raises=True), connection.url.user or "guest")

    async def operator(self) -> AbstractChannel:
        """A channel with every right."""
        if self._operator is None:
            self._operator = (await self.sender("operator")).channel
        return self._operator

    async def take(self, queue: str, *, timeout_s: float = 10) -> AbstractIncomingMessage:
        """The next message of `queue`, as soon as there is one; it is gone from there."""
        channel = await self.operator()
        waiting = await channel.get_queue(queue, ensure=False)

        async def look() -> AbstractIncomingMessage | None:
            return await waiting.get(no_ack=True, fail=False)

        found = await eventually(look, timeout_s=timeout_s)
        assert found is not None
        return found

    async def is_empty(self, queue: str) -> bool:
        """Whether nothing can be taken from `queue` now."""
        channel = await self.operator()
        waiting = await channel.get_queue(queue, ensure=False)
        return await waiting.get(no_ack=False, fail=False) is None


class Recorder:
    """A handler that answers as told, and remembers the batches it was given."""

    def __init__(self, answer: Callable[[Delivery], Outcome] | None = None) -> None:
        self.batches: list[list[Delivery]] = []
        self._answer = answer or (lambda _: Ack())

    async def __call__(self, deliveries: Sequence[Delivery]) -> list[Outcome]:
        self.batches.append(list(deliveries))
        return [self._answer(delivery) for delivery in deliveries]

    @property
    def deliveries(self) -> list[Delivery]:
        """All that was handled, in order."""
        return [delivery for batch in self.batches for delivery in batch]

    @property
    def logins(self) -> list[int]:
        """The accounts of the snapshots that were handled, in order."""
        contents = [delivery.content for delivery in self.deliveries]
        return [content.account.login for content in contents if isinstance(content, AccountSnapshot)]

    async def until_handled(self, *, login: int) -> None:
        """Return once a snapshot of this account was handled."""

        async def look() -> bool:
            return login in self.logins

        await eventually(look)

    async def until_count(self, count: int) -> None:
        """Return once `count` deliveries were handled."""

        async def look() -> bool:
            return len(self.deliveries) >= count

        await eventually(look)


class Running:
    """A consumer that runs, and how to end it."""

    def __init__(self, consumer: Consumer, publisher: Publisher, stop: asyncio.Event, task: asyncio.Task[None]) -> None:
        self.consumer = consumer
        self.publisher = publisher
        self.stop = stop
        self.task = task

    async def until_consuming(self) -> None:
        """Return once the broker has us as a consumer."""

        async def look() -> bool:
            return self.consumer.consuming and self.publisher.connected

        await eventually(look)

    async def drained(self) -> None:
        """Ask it to stop, as SIGTERM does, and return once it has: what it handled is settled."""
        self.stop.set()
        await asyncio.wait_for(asyncio.shield(self.task), 10)


async def always_ready() -> None:
    """Nothing is missing."""


@asynccontextmanager
async def consuming(
    place: Place,
    handler: Decide,
    *,
    queue: str = ACCOUNTS,
    role: str = "sync-consumer",
    ready: Callable[[], Awaitable[None]] = always_ready,
    wait: bool = True,
    url: str | None = None,
    accepts: frozenset[str] = ACCEPTS,
    key: Callable[[Delivery], str | None] | None = None,
    **more: Any,
) -> AsyncIterator[Running]:
    """Consume `queue` with `handler` for the length of the block, as a service would; `key` sees each arrive."""
    given = settings(url or place.url(role), **more)
    publisher = Publisher(given, name="test publish")
    consumer = Consumer(
        given,
        name="test consume",
        queue=queue,
        accepts=accepts,
        handler=handler,
        publisher=publisher,
        ready=ready,
        key=key,
    )
    stop = asyncio.Event()
    async with background(publisher.run(), consumer.run(stop)) as (publishing, task):
        running = Running(consumer, publisher, stop, task)
        if wait:
            await running.until_consuming()
        yield running
        assert not publishing.done()
        if task.done():
            with suppress(asyncio.CancelledError):
                task.result()


def snapshots(*logins: int) -> list[dict[str, Any]]:
    """Good snapshots of these accounts."""
    return [builders.snapshot_document(user_id="u-1", login=login) for login in logins]
