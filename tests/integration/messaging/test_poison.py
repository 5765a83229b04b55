"""Messages made to do harm: each ends parked or handled, and the next one is handled as ever."""

from __future__ import annotations

import json
import struct

import pytest

from shared.messaging.delivery import Delivery
from shared.messaging.outcomes import Ack, Outcome, Park, Reply
from shared.messaging.topology import ACCOUNTS, KEY_SIZING_REQUEST, KEY_SNAPSHOT, SIZING, parked_name
from shared.schemas.decoding import InvalidMessage
from tests import builders
from tests.integration.messaging.place import Place, Recorder, consuming
from tests.integration.messaging.raw import RawProperties, publish_raw

TEN_MEGABYTES = 10 * 1024 * 1024
GOOD = json.dumps(builders.snapshot_document(user_id="u-1", login=1)).encode()


def judge(delivery: Delivery) -> Outcome:
    if isinstance(delivery.content, InvalidMessage):
        return Park(
            "invalid_message", "; ".join(f"{error.field}: {error.message}" for error in delivery.content.errors)
        )
    return Ack()


def short(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def long(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


def table(*fields: bytes) -> bytes:
    return long(b"".join(fields))


def nested(levels: int) -> bytes:
    inner = b""
    for _ in range(levels):
        inner = short(b"a") + b"F" + long(inner)
    return inner


POISON: dict[str, RawProperties] = {
    "a type that is not UTF-8": {"type": short(b"\xff\xfe")},
    "a message id that is not UTF-8": {"message_id": short(b"\xff\xfe")},
    "a correlation id that is not UTF-8": {"correlation_id": short(b"\xc3\x28")},
    "a reply-to that is not UTF-8": {"reply_to": short(b"lotwise.reply.\xff")},
    "a content type that is not UTF-8": {"content_type": short(b"\xff")},
    "a NUL in every name": {name: short(b"a\x00b") for name in ("type", "correlation_id", "message_id", "reply_to")},
    "a timestamp beyond the calendar": {"timestamp": struct.pack(">Q", 2**63 - 1)},
    "a timestamp with every bit set": {"timestamp": struct.pack(">Q", 2**64 - 1)},
    "a timestamp in the year 9999": {"timestamp": struct.pack(">Q", 253_402_300_799)},
    "a timestamp in the year 10000": {"timestamp": struct.pack(">Q", 253_402_300_800_000)},
    "a timestamp of zero": {"timestamp": struct.pack(">Q", 0)},
    "a priority beyond every queue": {"priority": b"\xff"},
    "a header name that is not UTF-8": {"headers": table(short(b"\xff") + b"t\x01")},
    "a header value that is not UTF-8": {"headers": table(short(b"traceparent") + b"S" + long(b"\xff\xfe"))},
    "a header timestamp beyond the calendar": {"headers": table(short(b"a") + b"T" + struct.pack(">Q", 2**63 - 1))},
    "headers nested 5,000 deep": {"headers": long(nested(5_000))},
    "16,000 headers": {"headers": table(*(short(b"%x" % n) + b"t\x01" for n in range(16_000)))},
    "one header of 120,000 bytes": {"headers": table(short(b"traceparent") + b"S" + long(b"x" * 120_000))},
    "headers in our own names": {
        "headers": table(
            short(b"x-lotwise-attempt") + b"l" + struct.pack(">q", -(2**62)),
            short(b"x-lotwise-user-id") + b"t\x01",
            short(b"x-delivery-count") + b"l" + struct.pack(">q", 99),
        )
    },
    "a forged history of deaths": {
        "headers": table(
            short(b"x-death") + b"A" + long(b"F" + table(short(b"queue") + b"S" + long(ACCOUNTS.encode()))),
            short(b"x-first-death-reason") + b"S" + long(b"rejected"),
            short(b"x-last-death-queue") + b"S" + long(ACCOUNTS.encode()),
        )
    },
    "a forged history of deaths that is none": {"headers": table(short(b"x-death") + b"S" + long(b"often"))},
}


@pytest.mark.parametrize("poison", POISON)
async def test_hostile_properties_harm_nobody_else(place: Place, poison: str) -> None:
    handler = Recorder(judge)
    sender = await place.sender("ea-bridge")
    async with consuming(place, handler) as running:
        for body in (GOOD, b"not JSON"):
            await publish_raw(place.url("ea-bridge"), ACCOUNTS, KEY_SNAPSHOT, body, POISON[poison])
        await sender.snapshot(login=2)

        await handler.until_handled(login=2)

        assert running.consumer.consuming
        assert len(handler.deliveries) == 3
        parked = await place.take(parked_name(ACCOUNTS))
        assert parked.headers["x-lotwise-reason"] == "invalid_message"


async def test_a_body_of_ten_megabytes_is_parked_whole_and_the_next_message_is_handled(place: Place) -> None:
    handler = Recorder(judge)
    sender = await place.sender("ea-bridge")
    huge = GOOD.rjust(TEN_MEGABYTES)
    async with consuming(place, handler):
        await sender.send(huge)
        await sender.snapshot(login=2)

        await handler.until_handled(login=2)

        parked = await place.take(parked_name(ACCOUNTS))
        assert parked.headers["x-lotwise-reason"] == "invalid_message"
        assert parked.body == huge


@pytest.mark.parametrize(
    "garbage", ["garbage", "AAAA.BBBB", "g1h2AA5yZXBseUAxMjM0NTY3OAAAAAAAAAAA", "\x00", "é" * 100], ids=range(5)
)
async def test_a_direct_reply_to_that_nobody_gave_out_costs_nothing(place: Place, garbage: str) -> None:
    handler = Recorder(lambda _: Ack(Reply("sizing.decision.v1", b"{}")))
    sender = await place.sender("signal-engine")
    async with consuming(place, handler, queue=SIZING, role="sizing-worker") as running:
        await sender.send(
            builders.request_document(user_id="u-1"),
            exchange=SIZING,
            key=KEY_SIZING_REQUEST,
            name="sizing.request.v1",
            reply_to=f"amq.rabbitmq.reply-to.{garbage}",
        )

        await handler.until_count(1)
        await running.drained()

        assert await place.is_empty(SIZING)
