"""Deliveries as a handler gets them, made without a broker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from pydantic import BaseModel

from shared.messaging.delivery import Delivery
from shared.schemas.decoding import SCHEMAS, InvalidMessage, decode, schema_name

SENDER = "bridge"


def delivered(content: BaseModel, **fields: Any) -> Delivery:
    """A readable message, sent now."""
    return _delivery(content, schema_name(content), **fields)


def unread(name: str, body: bytes, **fields: Any) -> Delivery:
    """A message as the consumer would make it of these bytes."""
    return _delivery(decode(name, body, frozenset(SCHEMAS)), name, **fields)


def _delivery(content: BaseModel | InvalidMessage, name: str, **fields: Any) -> Delivery:
    given: dict[str, Any] = {
        "message_id": uuid4(),
        "sent_at": datetime.now(UTC),
        "sender": SENDER,
        "reply_to": None,
        "correlation_id": None,
        "attempt": 0,
        "redelivered": False,
        "authorization": None,
        "trace": {},
    }
    return Delivery(content=content, type=name, **{**given, **fields})
