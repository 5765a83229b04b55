"""A message's properties, read so that no sender can make them unreadable.

pamqp raises for a name that is not UTF-8, a time beyond the calendar or a table nested too deeply, and aio-pika for a
delivery mode that there is not. The broker passes these on, and whoever raises in the middle of a frame loses
the connection: the message would come again and again, and take every other delivered one with it until the broker's
delivery limit. Here what cannot be read is not there.
"""

from __future__ import annotations

import struct
from typing import Any

from pamqp import decode
from pamqp.base import BasicProperties

HEADERS_BYTES_MAX = 16 * 1024
"""A larger table of headers is left unread: pamqp's time for one grows with its square."""
DELIVERY_MODES = (1, 2)
UNREADABLE = (ValueError, OverflowError, OSError, RecursionError, struct.error)


def survive_any_properties() -> None:
    """Have pamqp read properties as written here, in the whole process; safe to repeat."""
    BasicProperties.unmarshal = _unmarshal  # type: ignore[method-assign, assignment]


def _unmarshal(properties: Any, flags: int, data: bytes) -> None:
    for name in properties.__slots__:
        if flags & properties.flags[name]:
            consumed, value = _read(getattr(type(properties), f"_{name}"), data)
            setattr(properties, name, value)
            data = data[consumed:]
    if properties.delivery_mode not in DELIVERY_MODES:
        properties.delivery_mode = None
    # RabbitMQ refuses a lifetime that is no number of milliseconds; aio-pika would raise for one.
    if properties.expiration is not None and not properties.expiration.isdecimal():
        properties.expiration = None


def _read(kind: str, data: bytes) -> tuple[int, Any]:
    """The bytes that a value takes, and the value; None where it cannot be read."""
    match kind:
        case "shortstr":
            end = 1 + data[0]
            # One byte for one: three of U+FFFD may be more than the property takes when it is sent on.
            return end, data[1:end].decode(errors="replace").replace("\ufffd", "?")
        case "timestamp":
            return struct.calcsize("Q"), _or_none(kind, data)
        case "table":
            end = 4 + int.from_bytes(data[:4], "big")
            return end, _or_none(kind, data[:end]) if end <= HEADERS_BYTES_MAX else None
    return decode.by_type(data, kind)


def _or_none(kind: str, data: bytes) -> Any:
    try:
        return decode.by_type(data, kind)[1]
    except UNREADABLE:
        return None
