"""What reads bytes of anybody's: each target takes any bytes, and raises only where the code under test is wrong."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic
from pamqp.header import ContentHeader
from pydantic import BaseModel

from shared.messaging import link  # noqa: F401  whoever connects reads properties in its way
from shared.messaging.delivery import Delivery, read_delivery
from shared.schemas.decoding import SCHEMAS, InvalidMessage, decode
from shared.schemas.reasons import REASONS_MAX

EVERY = frozenset(SCHEMAS)
BASIC = 60
FLAGS_KNOWN = 0xFFFC
"""All fourteen properties; the lowest bits would announce more flags, and the broker sends none."""


def decode_as_every_schema(body: bytes) -> None:
    """A body is a message or an InvalidMessage, under each name, and under one that there is not."""
    for name in (*SCHEMAS, None, "sizing.request.v0"):
        content = decode(name, body, EVERY)
        if isinstance(content, InvalidMessage):
            assert 0 < len(content.errors) <= REASONS_MAX
        else:
            assert isinstance(content, BaseModel)


def read_properties(data: bytes) -> Basic.Properties | None:
    """The properties in a content header of the broker's; None where the frame itself is cut short, as no broker's is.

    Whoever has flags for a value has the value, or nothing; a frame that is whole never raises.
    """
    header = ContentHeader()
    whole = struct.pack(">HHQ", BASIC, 0, 0) + struct.pack(">H", int.from_bytes(data[:2], "big") & FLAGS_KNOWN)
    try:
        header.unmarshal(whole + data[2:])
    except (IndexError, ValueError) as error:
        if not _is_cut_short(error):
            raise
        return None
    return header.properties


def _is_cut_short(error: Exception) -> bool:
    """Whether the bytes ended before the values that the flags announce: pamqp's words for it, or an index."""
    return isinstance(error, IndexError) or str(error).startswith("Could not unpack")


def deliver(data: bytes) -> None:
    """A length, so many bytes of properties, then the body: whatever they are, they become a Delivery."""
    size = int.from_bytes(data[:2], "big")
    properties = read_properties(data[2 : 2 + size]) or Basic.Properties()
    header = ContentHeader(0, 0, properties)
    body = data[2 + size :]
    # No channel: nothing here is acknowledged.
    nobody: Any = None
    delivered = DeliveredMessage(delivery=Basic.Deliver("c", 1), header=header, body=body, channel=nobody)
    read = read_delivery(delivered, accepts=EVERY, own_user="worker")
    assert isinstance(read, Delivery)
    assert isinstance(read.content, BaseModel | InvalidMessage)


TARGETS: Mapping[str, Callable[[bytes], object]] = {
    "decode": decode_as_every_schema,
    "properties": read_properties,
    "deliver": deliver,
}
