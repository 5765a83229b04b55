"""A message's properties, read so that no sender can make them unreadable.

pamqp raises for a name that is not UTF-8, a time beyond the calendar or a table nested too deeply, and aio-pika for a
delivery mode that there is not. The broker passes these on, and whoever raises in the middle of a frame loses
the connection: the message would come again and again, and take every other delivered one with it until the broker's
delivery limit. Here what cannot be read is not there.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any

from pamqp import decode
from pamqp.base import BasicProperties
from pamqp.commands import Basic

HEADERS_BYTES_MAX = 16 * 1024
"""A larger table of headers is left unread: pamqp's time for one grows with its square."""
DELIVERY_MODES = (1, 2)
UNREADABLE = (ValueError, OverflowError, OSError, RecursionError, struct.error)


def survive_any_properties() -> None:
    """Have pamqp read properties as written here, in the whole process; safe to repeat."""
    BasicProperties.unmarshal = _unmarshal  # type: ignore[method-assign, assignment]


def _unmarshal(properties: Any, flags: int, data: bytes) -> None:
    position = 0
    for name, kind in _fields(flags):
        value, position = _read(kind, data, position)
        setattr(properties, name, value)
    if properties.delivery_mode not in DELIVERY_MODES:
        properties.delivery_mode = None
    # RabbitMQ refuses a lifetime that is no number of milliseconds; aio-pika would raise for one.
    if properties.expiration is not None and not properties.expiration.isdecimal():
        properties.expiration = None


@lru_cache
def _fields(flags: int) -> tuple[tuple[str, str], ...]:
    """The properties that these flags announce, each with its type, in their order."""
    known = Basic.Properties
    return tuple((name, known.amqp_type(name)) for name in known.attributes() if flags & known.flags[name])


def _read(kind: str, data: bytes, position: int) -> tuple[Any, int]:
    """A value, None where it cannot be read; and where it ends."""
    match kind:
        case "shortstr":
            start = position + 1
            end = start + data[position]
            # One byte for one: three of U+FFFD may be more than the property takes when it is sent on.
            return data[start:end].decode(errors="replace").replace("\ufffd", "?"), end
        case "timestamp":
            end = position + struct.calcsize("Q")
            return _or_none(kind, data[position:end]), end
        case "table":
            end = position + 4 + int.from_bytes(data[position : position + 4], "big")
            return _or_none(kind, data[position:end]) if end - position <= HEADERS_BYTES_MAX else None, end
    consumed, value = decode.by_type(data[position:], kind)
    return value, position + consumed


def _or_none(kind: str, data: bytes) -> Any:
    try:
        return decode.by_type(data, kind)[1]
    except UNREADABLE:
        return None
