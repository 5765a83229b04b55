"""Publishing: on a connection of its own, confirmed, bounded, and honest about what it does not know."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from aio_pika import DeliveryMode, Message
from aio_pika.exceptions import DeliveryError, PublishError

from shared import metrics
from shared.errors import DependencyError
from shared.messaging.delivery import CONTENT_TYPE
from shared.messaging.link import BrokerSettings, broker_errors, keep_connected, open_link

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aio_pika.abc import AbstractChannel, AbstractExchange

log = structlog.get_logger()

EVENTS_TIMEOUT_S = 1.0
"""The longest that best-effort events may hold up the messages behind them."""


class UnroutableError(DependencyError):
    """The broker has no queue for a message that must have one."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish. `mandatory` asks the broker to refuse it where no queue takes it."""

    exchange: str
    routing_key: str
    body: bytes
    type: str | None
    message_id: str = field(default_factory=lambda: str(uuid4()))
    mandatory: bool = True
    headers: dict[str, str | int] = field(default_factory=dict)
    reply_to: str | None = None
    correlation_id: str | None = None
    sent_at: datetime | None = None

    def as_amqp(self, user: str) -> Message:
        """The message as aio-pika publishes it, persistent, under the publishing user's own name."""
        return Message(
            self.body,
            headers=dict(self.headers),
            content_type=CONTENT_TYPE,
            delivery_mode=DeliveryMode.PERSISTENT,
            correlation_id=self.correlation_id,
            reply_to=self.reply_to,
            message_id=self.message_id,
            timestamp=self.sent_at or datetime.now(UTC),
            type=self.type,
            user_id=user,
        )


class Publisher:
    """Publishes over one connection, kept up by `run`, which must be running."""

    def __init__(self, settings: BrokerSettings, *, name: str) -> None:
        self._settings = settings
        self._name = name
        self._confirmed: AbstractChannel | None = None
        self._unconfirmed: AbstractChannel | None = None
        self._up = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether a publish would find a live channel."""
        return self._up.is_set()

    async def run(self) -> None:
        """Keep connected until cancelled."""
        await keep_connected(self._session)

    async def _session(self) -> None:
        async with open_link(self._settings, name=self._name, confirms=True) as link:
            async with broker_errors(self._settings.amqp_timeout_seconds):
                self._unconfirmed = await link.connection.channel(publisher_confirms=False)
            self._unconfirmed.close_callbacks.add(lambda _, cause: link.lose(cause))
            self._confirmed = link.channel
            self._up.set()
            metrics.BROKER_CONNECTED.labels("publish").set(1)
            try:
                await link.lost.wait()
            finally:
                self._up.clear()
                self._confirmed = self._unconfirmed = None
                metrics.BROKER_CONNECTED.labels("publish").set(0)
        raise DependencyError(f"the publishing connection was lost: {link.cause}")

    async def publish(self, outgoing: Outgoing) -> None:
        """Publish and await the broker's confirmation.

        Raises UnroutableError where it is mandatory and no queue takes it, UnknownOutcomeError where the confirmation
        did not come (it may have arrived all the same), DependencyError where there is no connection.
        """
        async with broker_errors(self._settings.amqp_timeout_seconds):
            await self._up.wait()
            exchange = await self._exchange(outgoing.exchange)
            message = outgoing.as_amqp(self._settings.user)
            try:
                await exchange.publish(message, outgoing.routing_key, mandatory=outgoing.mandatory)
            except PublishError:
                raise UnroutableError(f"no queue takes {outgoing.exchange!r} {outgoing.routing_key!r}") from None
            except DeliveryError:
                raise DependencyError(f"the broker refused to store {outgoing.type}") from None

    async def publish_all(self, batch: Sequence[Outgoing]) -> list[DependencyError | None]:
        """Publish side by side; for each None or what went wrong with it.

        Never two of the same message id at once: the broker's returns are matched by it, and the first would be
        reported as delivered although it was not.
        """
        results: dict[int, DependencyError | None] = {}
        waiting = list(enumerate(batch))
        while waiting:
            first_of = {outgoing.message_id: index for index, outgoing in reversed(waiting)}
            now = [(index, outgoing) for index, outgoing in waiting if first_of[outgoing.message_id] == index]
            waiting = [pair for pair in waiting if pair not in now]
            faults = await asyncio.gather(*(self._fault(outgoing) for _, outgoing in now))
            results.update(zip((index for index, _ in now), faults, strict=True))
        return [results[index] for index in range(len(batch))]

    async def _fault(self, outgoing: Outgoing) -> DependencyError | None:
        try:
            await self.publish(outgoing)
        except DependencyError as error:
            return error
        return None

    async def publish_events(self, events: Sequence[Outgoing]) -> None:
        """Publish what may be lost: nothing is awaited for long, nothing is raised; what fails is counted."""
        if not events:
            return
        try:
            async with broker_errors(EVENTS_TIMEOUT_S):
                await self._up.wait()
                for event in events:
                    exchange = await self._exchange(event.exchange, confirmed=False)
                    await exchange.publish(event.as_amqp(self._settings.user), event.routing_key, mandatory=False)
        except DependencyError as error:
            metrics.EVENTS_LOST.inc(len(events))
            log.warning("events.lost", count=len(events), cause=str(error))

    async def _exchange(self, name: str, *, confirmed: bool = True) -> AbstractExchange:
        channel = self._confirmed if confirmed else self._unconfirmed
        if channel is None:
            raise DependencyError("the publishing connection is down")
        return await channel.get_exchange(name, ensure=False) if name else channel.default_exchange
