"""A publisher that puts any bytes into a message's properties, as a hostile client would."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from pamqp import commands, frame
from pamqp.base import Frame

RawProperties = dict[str, bytes]
"""Properties by name, each in its encoded form."""

FLAGS = {
    "content_type": 15,
    "content_encoding": 14,
    "headers": 13,
    "delivery_mode": 12,
    "priority": 11,
    "correlation_id": 10,
    "reply_to": 9,
    "expiration": 8,
    "message_id": 7,
    "timestamp": 6,
    "type": 5,
    "user_id": 4,
    "app_id": 3,
}
"""The bit of each property in the flags of AMQP 0-9-1's content header, highest first, which is their order."""
DEFAULTS = {"content_type": b"\x10application/json", "type": b"\x13account.snapshot.v1"}
FRAME_MAX = 131_072
TIMEOUT_S = 10.0


async def publish_raw(url: str, exchange: str, routing_key: str, body: bytes, properties: RawProperties) -> None:
    """Publish one message, and return once the broker has confirmed it."""
    await asyncio.to_thread(_publish, url, exchange, routing_key, body, DEFAULTS | properties)


def _publish(url: str, exchange: str, routing_key: str, body: bytes, properties: RawProperties) -> None:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 5672), timeout=TIMEOUT_S) as wire:
        wire.sendall(b"AMQP\x00\x00\x09\x01")
        response = f"\0{unquote(parts.username or '')}\0{unquote(parts.password or '')}"
        _expect(wire, commands.Connection.Start)
        _send(wire, commands.Connection.StartOk({}, "PLAIN", response, "en_US"), channel=0)
        _expect(wire, commands.Connection.Tune)
        _send(wire, commands.Connection.TuneOk(10, FRAME_MAX, 0), channel=0)
        _send(wire, commands.Connection.Open(unquote(parts.path.removeprefix("/"))), channel=0)
        _expect(wire, commands.Connection.OpenOk)
        _send(wire, commands.Channel.Open())
        _expect(wire, commands.Channel.OpenOk)
        _send(wire, commands.Confirm.Select())
        _expect(wire, commands.Confirm.SelectOk)
        _send(wire, commands.Basic.Publish(0, exchange, routing_key, mandatory=True))
        wire.sendall(_content_header(len(body), properties))
        if body:
            wire.sendall(struct.pack(">BHI", 3, 1, len(body)) + body + b"\xce")
        _expect(wire, commands.Basic.Ack)


def _content_header(body_bytes: int, properties: RawProperties) -> bytes:
    flags = sum(1 << FLAGS[name] for name in properties)
    values = b"".join(properties[name] for name in FLAGS if name in properties)
    payload = struct.pack(">HHQH", 60, 0, body_bytes, flags) + values
    return struct.pack(">BHI", 2, 1, len(payload)) + payload + b"\xce"


def _send(wire: socket.socket, method: Frame, *, channel: int = 1) -> None:
    wire.sendall(frame.marshal(method, channel))


def _expect(wire: socket.socket, kind: Callable[..., Frame]) -> None:
    head = _read(wire, 7)
    (size,) = struct.unpack(">I", head[3:])
    _, _, received = frame.unmarshal(head + _read(wire, size + 1))
    if type(received) is not kind:
        raise AssertionError(f"the broker sent {received!r}")


def _read(wire: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = wire.recv(count - len(data))
        if not more:
            raise AssertionError("the broker closed the connection")
        data += more
    return data
