"""Outcomes into AMQP, after the commit: replies, copies and events are published, then the deliveries are
acknowledged."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import stamina
import structlog

from shared import metrics
from shared.errors import DependencyError
from shared.messaging.link import Link, broker_errors
from shared.messaging.outcomes import Ack, Event, Outcome, Park, Reply, Retry
from shared.messaging.publisher import Outgoing, Publisher, UnroutableError
from shared.messaging.topology import (
    DEAD,
    DEFAULT_EXCHANGE,
    DIRECT_REPLY_TO,
    EVENTS,
    HEADER_ATTEMPT,
    HEADER_DETAIL,
    HEADER_REASON,
    HEADER_USER,
    RETRIED_QUEUES,
    RETRY,
    RETRY_DELAYS_S,
    retry_name,
)

if TYPE_CHECKING:
    from shared.messaging.delivery import Delivery
    from shared.messaging.inbox import Inbox, Received

log = structlog.get_logger()

DETAIL_MAX = 500
ACK_TIMEOUT_S = 5.0
REPUBLISH_FIRST_S = 0.1
REPUBLISH_MAX_S = 5.0
DIRECT_REPLY_ATTEMPTS = 3
"""RabbitMQ 3.10 closes the connection of whoever publishes to some direct reply-to names that it never gave out, and
which ones cannot be told beforehand. A requester that missed its reply asks again."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A message with what was decided about it."""

    received: Received
    outcome: Outcome

    @property
    def delivery(self) -> Delivery:
        """The message as it was read."""
        return self.received.delivery


def within_attempts(queue: str, delivery: Delivery, outcome: Outcome) -> Outcome:
    """The outcome as it can be carried out: where no further attempt is left, a retry becomes a parking."""
    if isinstance(outcome, Retry) and not (queue in RETRIED_QUEUES and delivery.attempt < len(RETRY_DELAYS_S)):
        return Park(outcome.reason, f"failed {delivery.attempt + 1} times", log=outcome.log)
    return outcome


async def settle(
    link: Link, publisher: Publisher, queue: str, batch: list[Settled], inbox: Inbox, *, started: float
) -> None:
    """Carry out a batch's outcomes.

    Nothing is acknowledged before what it depends on is confirmed; what other lanes still hold is not either, and what
    came after it waits for them. Raises DependencyError when the link is lost
    meanwhile: the messages come again, and the handlers recognise them.
    """
    needed = [outgoing for settled in batch for outgoing in _outgoing(queue, settled)]
    await _publish_until_confirmed(link, publisher, needed)
    await _acknowledge(batch, inbox)
    await publisher.publish_events([_event(settled, event) for settled in batch for event in _events(settled.outcome)])
    _report(queue, batch, duration_s=time.monotonic() - started)


async def _acknowledge(batch: list[Settled], inbox: Inbox) -> None:
    """All up to the first that another lane still holds; and what there is a copy of, so that there is not another."""
    channel = batch[-1].received.message.channel
    copied = [settled.received for settled in batch if not isinstance(settled.outcome, Ack)]
    async with broker_errors(ACK_TIMEOUT_S), inbox.acknowledging:
        if (last := inbox.settle([settled.received for settled in batch])) is not None:
            await channel.basic_ack(last, multiple=True)
        for tag in inbox.single_out(copied):
            await channel.basic_ack(tag)


async def _publish_until_confirmed(link: Link, publisher: Publisher, needed: list[Outgoing]) -> None:
    """Publish together; then, one by one and again and again, what was not confirmed, as long as the deliveries are
    still ours to acknowledge."""
    if not needed:
        return
    _raise_if_lost(link)
    pending = await _publish_together(publisher, [_Pending(outgoing) for outgoing in needed])
    if not pending:
        return
    async for attempt in stamina.retry_context(
        on=_NotConfirmedError,
        attempts=None,
        timeout=None,
        wait_initial=REPUBLISH_FIRST_S,
        wait_max=REPUBLISH_MAX_S,
    ):
        with attempt:
            _raise_if_lost(link)
            pending = await _publish_singly(publisher, pending)
            if pending:
                raise _NotConfirmedError(f"{len(pending)} publishes are not confirmed")


def _raise_if_lost(link: Link) -> None:
    if link.lost.is_set():
        raise DependencyError(f"the consuming link was lost: {link.cause}")


class _NotConfirmedError(Exception):
    """Some publishes of a batch are not confirmed."""


@dataclass(frozen=True, slots=True)
class _Pending:
    """What is still to be confirmed, and how often that has failed."""

    outgoing: Outgoing
    failures: int = 0

    def after(self, fault: DependencyError) -> list[_Pending]:
        """Itself, to be tried again; nothing where it is a reply that nobody can get any more."""
        metrics.PUBLISH_FAULTS.labels(type(fault).__name__).inc()
        unroutable = isinstance(fault, UnroutableError) and self.outgoing.exchange == DEFAULT_EXCHANGE
        if unroutable or (not self.outgoing.mandatory and self.failures + 1 >= DIRECT_REPLY_ATTEMPTS):
            metrics.REPLIES_UNDELIVERABLE.inc()
            return []
        return [_Pending(self.outgoing, self.failures + 1)]


async def _publish_together(publisher: Publisher, pending: list[_Pending]) -> list[_Pending]:
    faults = await publisher.publish_all([one.outgoing for one in pending])
    return [left for one, fault in zip(pending, faults, strict=True) if fault for left in one.after(fault)]


async def _publish_singly(publisher: Publisher, pending: list[_Pending]) -> list[_Pending]:
    """Up to the first that fails, which goes last: one that breaks the connection must not take others with it."""
    for position, one in enumerate(pending):
        async with publisher.one_by_one:
            (fault,) = await publisher.publish_all([one.outgoing])
        if fault:
            return [*pending[position + 1 :], *one.after(fault)]
    return []


def _outgoing(queue: str, settled: Settled) -> list[Outgoing]:
    outcome = settled.outcome
    match outcome:
        case Ack(reply=reply):
            return _reply(settled.delivery, reply)
        case Retry(reason=reason):
            attempt = settled.delivery.attempt
            name = retry_name(queue, RETRY_DELAYS_S[attempt])
            return [_copy(settled, RETRY, name, {HEADER_ATTEMPT: attempt + 1, HEADER_REASON: reason})]
        case Park(reason=reason, detail=detail, reply=reply):
            parked = _copy(settled, DEAD, queue, {HEADER_REASON: reason, HEADER_DETAIL: detail[:DETAIL_MAX]})
            return [parked, *_reply(settled.delivery, reply)]


def _reply(delivery: Delivery, reply: Reply | None) -> list[Outgoing]:
    if reply is None or delivery.reply_to is None:
        return []
    return [
        Outgoing(
            DEFAULT_EXCHANGE,
            delivery.reply_to,
            reply.body,
            reply.type,
            message_id=_name_of(reply.body),
            # A mandatory message to direct reply-to is returned although it was delivered.
            mandatory=not delivery.reply_to.startswith(DIRECT_REPLY_TO),
            headers=dict(reply.trace or delivery.trace),
            correlation_id=delivery.correlation_id,
        )
    ]


def _name_of(body: bytes) -> str:
    """A UUID by what the body says: the same reply, sent again, keeps its id."""
    return str(UUID(bytes=hashlib.blake2b(body, digest_size=16).digest(), version=5))


def _copy(settled: Settled, exchange: str, routing_key: str, headers: dict[str, str | int]) -> Outgoing:
    """The message, to wait or to be parked: its body and properties, and of its headers only those we know.

    Never `authorization`; nor what the broker acts upon (`x-death`, `CC`, `BCC`).
    """
    delivery, properties = settled.delivery, settled.received.message.header.properties
    if delivery.sender:
        headers[HEADER_USER] = delivery.sender
    return Outgoing(
        exchange,
        routing_key,
        settled.received.message.body,
        delivery.type,
        message_id=properties.message_id or str(uuid4()),
        headers={**delivery.trace, **headers},
        reply_to=delivery.reply_to,
        correlation_id=properties.correlation_id,
        sent_at=delivery.sent_at,
    )


def _events(outcome: Outcome) -> tuple[Event, ...]:
    return () if isinstance(outcome, Retry) else outcome.events


def _event(settled: Settled, event: Event) -> Outgoing:
    return Outgoing(
        EVENTS,
        event.routing_key,
        event.body,
        event.type,
        mandatory=False,
        headers=dict(settled.delivery.trace),
        correlation_id=settled.delivery.correlation_id,
    )


def _report(queue: str, batch: list[Settled], *, duration_s: float) -> None:
    """The batch's log line and its counts, and a line for each message that was not simply done."""
    now = datetime.now(UTC)
    counts = Counter(map(_kind, batch))
    for (known_type, outcome, reason), count in counts.items():
        metrics.MESSAGES.labels(queue, known_type, outcome, reason).inc(count)
    all_told = log.is_enabled_for(logging.DEBUG)
    critical_times_s = []
    for settled in batch:
        critical_s = max((now - settled.delivery.sent_at).total_seconds(), 0.0) if settled.delivery.sent_at else None
        if critical_s is not None:
            critical_times_s.append(critical_s)
        if all_told or not isinstance(settled.outcome, Ack):
            _tell(queue, settled, duration_s=duration_s, critical_s=critical_s)
    metrics.CRITICAL_SECONDS.labels(queue).observe_all(critical_times_s)
    slowest_s = max(critical_times_s, default=0.0)
    told = Counter(dict.fromkeys(("ack", "retry", "park"), 0))
    for (_, outcome, _), count in counts.items():
        told[outcome] += count
    log.info("batch.settled", queue=queue, **told, duration_s=round(duration_s, 6), critical_s=round(slowest_s, 3))


def _kind(settled: Settled) -> tuple[str, str, str]:
    """Type, outcome and reason, as labels."""
    outcome = settled.outcome
    return (
        settled.delivery.type_label,
        type(outcome).__name__.lower(),
        "" if isinstance(outcome, Ack) else outcome.reason,
    )


def _tell(queue: str, settled: Settled, *, duration_s: float, critical_s: float | None) -> None:
    delivery, outcome = settled.delivery, settled.outcome
    _, kind, reason = _kind(settled)
    write = log.debug if isinstance(outcome, Ack) else log.warning
    write(
        "message.settled",
        queue=queue,
        type=delivery.type,
        message_id=str(delivery.message_id) if delivery.message_id else None,
        correlation_id=delivery.correlation_id,
        sender=delivery.sender,
        attempt=delivery.attempt,
        redelivered=delivery.redelivered,
        outcome=kind,
        reason=reason or None,
        duration_s=round(duration_s, 6),
        critical_s=None if critical_s is None else round(critical_s, 3),
        **{name: str(value) if isinstance(value, UUID) else value for name, value in outcome.log.items()},
    )
