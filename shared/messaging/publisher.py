"""Publishing: on a connection of its own, confirmed, bounded, and honest about what it does not know."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from pamqp.commands import Basic

from shared import metrics
from shared.errors import DependencyError
from shared.messaging.batch_channel import Batch, BatchChannel, Publication, Verdict
from shared.messaging.delivery import CONTENT_TYPE
from shared.messaging.link import BrokerSettings, broker_errors, keep_connected, open_link

if TYPE_CHECKING:
    from collections.abc import Sequence

log = structlog.get_logger()

PERSISTENT = 2
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

    def publication(self, user: str) -> Publication:
        """The message as it is published, persistent, under the publishing user's own name."""
        properties = Basic.Properties(
            headers=dict(self.headers),
            content_type=CONTENT_TYPE,
            delivery_mode=PERSISTENT,
            correlation_id=self.correlation_id,
            reply_to=self.reply_to,
            message_id=self.message_id,
            timestamp=self.sent_at or datetime.now(UTC),
            message_type=self.type,
            user_id=user,
        )
        return Publication(self.exchange, self.routing_key, self.mandatory, properties, self.body)


class Publisher:
    """Publishes over one connection, kept up by `run`, which must be running."""

    def __init__(self, settings: BrokerSettings, *, name: str) -> None:
        self._settings = settings
        self._name = name
        self._confirmed: BatchChannel | None = None
        self._unconfirmed: BatchChannel | None = None
        self._up = asyncio.Event()
        self.one_by_one = asyncio.Lock()
        """Held by who publishes what may break the connection: nobody else's message is taken for the culprit."""

    @property
    def connected(self) -> bool:
        """Whether a publish would find a live channel."""
        return self._up.is_set()

    async def run(self) -> None:
        """Keep connected until cancelled."""
        await keep_connected(self._session, role="publish")

    async def _session(self) -> None:
        async with open_link(self._settings, name=self._name) as link:
            async with broker_errors(self._settings.amqp_timeout_seconds):
                self._confirmed = await link.open_batch_channel(publisher_confirms=True)
                self._unconfirmed = await link.open_batch_channel(publisher_confirms=False)
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
        (fault,) = await self.publish_all([outgoing])
        if fault:
            raise fault

    async def publish_all(self, outgoing: Sequence[Outgoing]) -> list[DependencyError | None]:
        """Publish together, in one write; for each None or what went wrong with it, as `publish` raises it."""
        if not outgoing:
            return []
        batch = Batch([one.publication(self._settings.user) for one in outgoing])
        lost: DependencyError | None = None
        try:
            async with broker_errors(self._settings.amqp_timeout_seconds):
                await self._up.wait()
                await _live(self._confirmed).publish_batch(batch)
        except DependencyError as error:
            lost = error
        return [_fault(one, verdict, lost) for one, verdict in zip(outgoing, batch.verdicts, strict=True)]

    async def publish_events(self, events: Sequence[Outgoing]) -> None:
        """Publish what may be lost: nothing is awaited for long, nothing is raised; what fails is counted."""
        if not events:
            return
        batch = Batch([event.publication(self._settings.user) for event in events])
        try:
            async with broker_errors(EVENTS_TIMEOUT_S):
                await self._up.wait()
                await _live(self._unconfirmed).publish_batch(batch)
        except DependencyError as error:
            metrics.EVENTS_LOST.inc(len(events))
            log.warning("events.lost", count=len(events), cause=str(error))


def _live(channel: BatchChannel | None) -> BatchChannel:
    if channel is None:
        raise DependencyError("the publishing connection is down")
    return channel


def _fault(outgoing: Outgoing, verdict: Verdict | None, lost: DependencyError | None) -> DependencyError | None:
    match verdict:
        case "confirmed":
            return None
        case "unroutable":
            return UnroutableError(f"no queue takes {outgoing.exchange!r} {outgoing.routing_key!r}")
        case "refused":
            return DependencyError(f"the broker refused to store {outgoing.type}")
    return lost
