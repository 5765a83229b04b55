"""A parked message as the operator sees it, and the copy of it that goes back to its work queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from shared.messaging.delivery import CARRIED_HEADERS
from shared.messaging.publisher import Outgoing
from shared.messaging.topology import (
    ACCOUNTS,
    CONFIG,
    DEFAULT_EXCHANGE,
    HEADER_ATTEMPT,
    HEADER_DETAIL,
    HEADER_REASON,
    HEADER_USER,
    SIZING,
)

if TYPE_CHECKING:
    from aio_pika.abc import AbstractMessage

SERVICE_OF = {ACCOUNTS: "sync-consumer", SIZING: "sizing-worker", CONFIG: "config-service"}
"""The role that consumes each work queue, and parks in its name."""
UNSPOKEN_HEADERS = frozenset({"authorization"})
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked message. `reason` and `detail` are a service's, or the broker's where it parked the message itself.

    `at` is when the broker parked it; where a service did, when it was sent. `user` is who sent the original: the name
    in our header counts only on a copy that the queue's own service made. `attempts` are those that are known of.
    """

    queue: str
    message_id: str | None
    type: str | None
    reason: str
    detail: str
    at: datetime | None
    sent_at: datetime | None
    user: str | None
    published_by: str | None
    attempts: int | None
    correlation_id: str | None
    reply_to: str | None
    content_type: str | None
    headers: dict[str, Any]
    body: bytes


def read_parked(queue: str, message: AbstractMessage) -> Parked:
    """Read a message of `queue`'s parked ones. Whatever a sender wrote can be read; what cannot is left out."""
    headers = {name: value for name, value in message.headers.items() if name.lower() not in UNSPOKEN_HEADERS}
    sent_at = message.timestamp.astimezone(UTC) if message.timestamp else None
    by_service = is_service(message.user_id, queue)
    death = _last_death(headers)
    return Parked(
        queue=queue,
        message_id=message.message_id or None,
        type=message.type or None,
        # A service's parked copy is new to the broker: where it tells of a death, the broker parked it itself. A
        # retried copy that killed its process has both, and our header then says why it was retried.
        reason=_text(death.get("reason"))
        or _text(headers.get(HEADER_REASON) if by_service else None)
        or _text(headers.get("x-first-death-reason"))
        or "unknown",
        detail=_text(headers.get(HEADER_DETAIL)) if by_service else "",
        at=_time(death.get("time")) or sent_at,
        sent_at=sent_at,
        user=_text(headers.get(HEADER_USER)) or None if by_service else message.user_id,
        published_by=message.user_id,
        attempts=_attempts(headers) if by_service else None,
        correlation_id=message.correlation_id,
        reply_to=message.reply_to,
        content_type=message.content_type,
        headers=headers,
        body=message.body,
    )


def is_service(user: str | None, queue: str) -> bool:
    """Whether a broker user is the one of the service that consumes `queue`; installations may add `-` and a suffix."""
    role = SERVICE_OF[queue]
    return user == role or (user or "").startswith(f"{role}-")


def replayed_copy(parked: Parked) -> Outgoing:
    """The copy that goes back: straight to the one work queue, not past whatever else is bound to its exchange.

    Body, message_id, type, correlation_id, timestamp and trace are the original's. No other header goes along: the
    broker drops a message whose `x-death` tells of the queue that it is dead-lettered to, `CC` and `BCC` would send
    more copies, and our own count would make the first attempt the last. No `reply_to` either: the message is now the
    operator's, and a service writes to nobody's reply queue on another's word; the requester that asks again gets the
    stored reply. Who sent the original stays in our header, for people: services believe it from services only.
    A message without a timestamp gets the time that it died: it must not seem younger than it is.
    """
    trace = {name: text for name in CARRIED_HEADERS if (text := _text(parked.headers.get(name)))}
    return Outgoing(
        DEFAULT_EXCHANGE,
        parked.queue,
        parked.body,
        parked.type,
        message_id=parked.message_id or str(uuid4()),
        headers={**trace, **({HEADER_USER: parked.user} if parked.user else {})},
        correlation_id=parked.correlation_id,
        sent_at=parked.sent_at or parked.at or LONG_AGO,
    )


def _last_death(headers: dict[str, Any]) -> dict[str, Any]:
    deaths = headers.get("x-death")
    last = deaths[0] if isinstance(deaths, list) and deaths else None
    return last if isinstance(last, dict) else {}


def _time(value: object) -> datetime | None:
    return value.astimezone(UTC) if isinstance(value, datetime) else None


def _attempts(headers: dict[str, Any]) -> int | None:
    count = headers.get(HEADER_ATTEMPT)
    return count + 1 if isinstance(count, int) and count > 0 else None


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    return value if isinstance(value, str) else ""
