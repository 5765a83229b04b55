"""One message as a handler sees it: decoded, its properties checked, nothing of AMQP left to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from shared.messaging.topology import HEADER_ATTEMPT, HEADER_USER, is_allowed_reply_to
from shared.schemas.decoding import SCHEMAS, InvalidMessage, decode, refuse_with
from shared.schemas.reasons import FieldError
from shared.schemas.values import parse_uuid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiormq.abc import DeliveredMessage
    from pamqp.commands import Basic
    from pydantic import BaseModel

    Headers = Mapping[str, object]

CONTENT_TYPE = "application/json"
CARRIED_HEADERS = ("traceparent", "tracestate")
"""Headers that go on into replies and copies. Never `authorization`, and nothing that the broker would act upon."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivered message.

    `sender` is the broker-verified user who published it; of a retried copy, the user of the original.
    `reply_to` is None unless a reply may be written there. `attempt` counts earlier failures of the handler.
    `authorization` is the header of a config command, and must never be logged or copied.
    """

    content: BaseModel | InvalidMessage
    type: str | None
    message_id: UUID | None
    sent_at: datetime | None
    sender: str | None
    reply_to: str | None
    correlation_id: str | None
    attempt: int
    redelivered: bool
    authorization: str | None
    trace: dict[str, str]

    @property
    def type_label(self) -> str:
        """The type, for a metric: one that a sender made up must not make a label of its own."""
        return self.type if self.type in SCHEMAS else "unknown"


def read_delivery(message: DeliveredMessage, *, accepts: frozenset[str], own_user: str) -> Delivery:
    """Read what the broker delivered. Whatever is wrong with it becomes `content`, an InvalidMessage."""
    properties = message.header.properties
    headers: Headers = properties.headers or {}
    is_own = properties.user_id == own_user
    # A name in a header is believed only from ourselves.
    sender = _text(headers[HEADER_USER]) if is_own and HEADER_USER in headers else properties.user_id
    reply_to = properties.reply_to or None
    allowed = reply_to is None or is_allowed_reply_to(reply_to, sender)
    content = decode(properties.message_type, message.body, accepts)
    message_id = _uuid(properties.message_id)
    faults = _property_faults(properties, message_id, reply_allowed=allowed)
    if faults:
        content = refuse_with(faults, content, message.body)
    return Delivery(
        content=content,
        type=properties.message_type,
        message_id=message_id,
        sent_at=properties.timestamp,
        sender=sender,
        reply_to=reply_to if allowed else None,
        correlation_id=properties.correlation_id or properties.message_id,
        attempt=_attempt(headers) if is_own else 0,
        redelivered=bool(message.redelivered),
        authorization=_text(headers.get("authorization")),
        trace={name: text for name in CARRIED_HEADERS if (text := _text(headers.get(name)))},
    )


def _property_faults(
    properties: Basic.Properties, message_id: UUID | None, *, reply_allowed: bool
) -> tuple[FieldError, ...]:
    faults = []
    if properties.content_type not in (None, CONTENT_TYPE):
        faults.append(FieldError("content_type", f"must be {CONTENT_TYPE}"))
    if properties.message_id is not None and message_id is None:
        faults.append(FieldError("message_id", "must be a UUID"))
    if not reply_allowed:
        faults.append(
            FieldError("reply_to", "must be direct reply-to, or a queue lotwise.reply.<user>.… of the sender's user_id")
        )
    return tuple(faults)


def _attempt(headers: Headers) -> int:
    count = headers.get(HEADER_ATTEMPT)
    return count if isinstance(count, int) and count > 0 else 0


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    return value if isinstance(value, str) and value else None


def _uuid(value: str | None) -> UUID | None:
    """A message id; publishers write UUIDs with and without hyphens."""
    try:
        return UUID(value) if value and len(value) == len(UUID(int=0).hex) else parse_uuid(value)
    except ValueError:
        return None
