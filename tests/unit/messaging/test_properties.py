"""What the broker passes on and pamqp would not survive: unreadable properties are simply not there."""

from __future__ import annotations

import struct

import pytest
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from shared.messaging import link  # noqa: F401  whoever connects reads properties this way
from shared.messaging.properties import HEADERS_BYTES_MAX


def read(flag: int, value: bytes) -> Basic.Properties:
    header = ContentHeader()
    header.unmarshal(struct.pack(">HHQH", 60, 0, 0, flag) + value)
    return header.properties


def long(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


@pytest.mark.parametrize("seconds", [2**63 - 1, 2**64 - 1, 253_402_300_800_000])
def test_a_time_beyond_the_calendar_is_no_time(seconds: int) -> None:
    assert read(Basic.Properties.flags["timestamp"], struct.pack(">Q", seconds)).timestamp is None


def test_a_name_that_is_not_utf_8_is_read_as_far_as_it_can_be() -> None:
    assert read(Basic.Properties.flags["message_type"], b"\x03a\xffb").message_type == "a?b"


def test_a_name_that_is_not_utf_8_is_no_longer_than_it_came_and_can_be_sent_on() -> None:
    name = read(Basic.Properties.flags["correlation_id"], b"\xff" + b"\xff" * 255).correlation_id
    assert name == "?" * 255


def test_what_follows_an_unreadable_property_is_read() -> None:
    flags = Basic.Properties.flags["timestamp"] | Basic.Properties.flags["message_type"]

    assert read(flags, struct.pack(">Q", 2**63 - 1) + b"\x01a").message_type == "a"


@pytest.mark.parametrize("mode", [0, 3, 255])
def test_a_delivery_mode_that_there_is_not_is_none(mode: int) -> None:
    assert read(Basic.Properties.flags["delivery_mode"], bytes([mode])).delivery_mode is None


@pytest.mark.parametrize("lifetime", [b"", b"soon", b"-1", b"1.5e3", b"\xff"])
def test_a_lifetime_that_is_no_number_of_milliseconds_is_none(lifetime: bytes) -> None:
    assert read(Basic.Properties.flags["expiration"], bytes([len(lifetime)]) + lifetime).expiration is None


@pytest.mark.parametrize("table", [b"\x01\xfft\x01", b"\x01aT" + b"\xff" * 8, b"\x01a?x", b"\x09a"])
def test_a_table_that_cannot_be_read_holds_nothing(table: bytes) -> None:
    assert read(Basic.Properties.flags["headers"], long(table)).headers is None


def test_a_table_nested_beyond_the_stack_holds_nothing() -> None:
    inner = b""
    while len(inner) < HEADERS_BYTES_MAX - 100:
        inner = b"\x00F" + long(inner)

    assert read(Basic.Properties.flags["headers"], long(inner)).headers is None


def test_a_table_above_16_kib_is_left_unread() -> None:
    just_right = b"\x01aS" + long(b"x" * (HEADERS_BYTES_MAX - 11))
    too_large = b"\x01aS" + long(b"x" * (HEADERS_BYTES_MAX - 10))

    assert read(Basic.Properties.flags["headers"], long(just_right)).headers is not None
    assert read(Basic.Properties.flags["headers"], long(too_large)).headers is None
