"""Bodies and properties made to do harm: what fuzzing begins with, and what the fault tests send."""

from __future__ import annotations

import json
import struct

from tests import builders

DEEP = 10_000
GOOD = {
    "a snapshot": json.dumps(builders.snapshot_document(user_id="u-1", login=7)).encode(),
    "a request": json.dumps(builders.request_document(user_id="u-1")).encode(),
    "instruments": builders.instruments(user_id="u-1", login=7, specs=[builders.gold()]).to_json(),
}


def _request(**fields: object) -> bytes:
    return json.dumps(builders.request_document(user_id="u-1") | fields).encode()


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "half a document": b'{"request_id": "',
    "another schema": GOOD["a snapshot"],
    "a list": b"[]",
    "null": b"null",
    "not UTF-8": b'{"user_id": "\xff\xfe"}',
    "UTF-16": "{}".encode("utf-16"),
    "NaN": b'{"entry_price": NaN}',
    "an infinity": b'{"entry_price": -Infinity}',
    "1e400": _request(entries=[builders.entry("1e400", "1.0")]),
    "1e400, a number": b'{"entries": [{"entry_price": 1e400, "stop_loss": 1}]}',
    "an exponent of a billion": _request(entries=[builders.entry("1e999999999", "1.0")]),
    "a number of 5,000 digits": b'{"entries": [{"entry_price": %s, "stop_loss": 1}]}' % (b"9" * 5_000),
    "a text of 5,000 digits": _request(entries=[builders.entry("9" * 5_000, "1.0")]),
    "lists nested deep": b"[" * DEEP + b"]" * DEEP,
    "objects nested deep": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a field twice": b'{"user_id": "u-1", "user_id": "u-2"}',
    "a lone surrogate": b'{"user_id": "\\ud800", "setup_id": "\\udfff"}',
    "a NUL": _request(user_id="u\x00-1"),
    "unknown fields, 5,000 of them": _request(**{f"x{number}": number for number in range(5_000)}),
    "entries, 1,000 of them": _request(entries=[builders.entry("1.1", "1.0")] * 1_000),
    "rates, 5,000 of them": _request(conversion_rates={f"X{number}": "1" for number in range(5_000)}),
    "a body above the limit": b'{"user_id": "' + b"x" * 300_000 + b'"}',
}
"""Not one of them is a sizing request."""


def _short(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def _long(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


def _nested(levels: int) -> bytes:
    inner = b""
    for _ in range(levels):
        inner = b"\x01aF" + _long(inner)
    return inner


FLAGS: dict[str, int] = {"content_type": 15, "headers": 13, "message_id": 7, "timestamp": 6, "type": 5}
PROPERTIES: dict[str, bytes] = {
    "none": struct.pack(">H", 0),
    "a name that is not UTF-8": struct.pack(">H", 1 << FLAGS["type"]) + _short(b"\xff\xfe"),
    "a time beyond the calendar": struct.pack(">H", 1 << FLAGS["timestamp"]) + b"\xff" * 8,
    "a table nested deep": struct.pack(">H", 1 << FLAGS["headers"]) + _long(_nested(500)),
    "a table of many": struct.pack(">H", 1 << FLAGS["headers"])
    + _long(b"".join(_short(b"%x" % number) + b"t\x01" for number in range(2_000))),
    "a table longer than its bytes": struct.pack(">HI", 1 << FLAGS["headers"], 2**32 - 1),
    "every flag, and nothing": struct.pack(">H", 0xFFFC),
}
"""What follows class, weight and size in a content header: flags, then values."""
