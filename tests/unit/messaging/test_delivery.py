"""From AMQP's properties to a delivery: what is believed of whom, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from shared.messaging.delivery import Delivery, read_delivery
from shared.schemas.account import AccountSnapshot
from shared.schemas.decoding import InvalidMessage
from tests import builders

ACCEPTS = frozenset({"account.snapshot.v1", "account.instruments.v1"})
MESSAGE_ID = "8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10"
SNAPSHOT = builders.snapshot_document(user_id="u-1", login=7)


def delivery(body: object = SNAPSHOT, *, user: str | None = "bridge", **properties: Any) -> Delivery:
    """What the service `worker` makes of a message that `user` sent."""
    given = {"content_type": "application/json", "message_type": "account.snapshot.v1", "user_id": user, **properties}
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    header = ContentHeader(0, len(encoded), Basic.Properties(**given))
    # No channel: nothing here is acknowledged.
    delivered = DeliveredMessage(delivery=Basic.Deliver("c", 1), header=header, body=encoded, channel=None)  # type: ignore[arg-type]
    return read_delivery(delivered, accepts=ACCEPTS, own_user="worker")


def faults(**properties: Any) -> list[str | None]:
    content = delivery(**properties).content
    assert isinstance(content, InvalidMessage)
    return [error.field for error in content.errors]


def test_a_good_message_is_read_with_its_properties() -> None:
    sent_at = datetime(2026, 11, 22, 14, tzinfo=UTC)

    read = delivery(message_id=MESSAGE_ID, timestamp=sent_at, correlation_id="c-1", reply_to="lotwise.reply.bridge.1")

    assert isinstance(read.content, AccountSnapshot)
    assert (read.message_id, read.sent_at, read.correlation_id) == (UUID(MESSAGE_ID), sent_at, "c-1")
    assert (read.sender, read.reply_to, read.attempt) == ("bridge", "lotwise.reply.bridge.1", 0)


def test_without_a_correlation_id_the_message_id_correlates() -> None:
    assert delivery(message_id=MESSAGE_ID).correlation_id == MESSAGE_ID


@pytest.mark.parametrize("message_id", [MESSAGE_ID, MESSAGE_ID.replace("-", ""), MESSAGE_ID.upper()])
def test_a_message_id_is_a_uuid_with_or_without_hyphens(message_id: str) -> None:
    assert delivery(message_id=message_id).message_id == UUID(MESSAGE_ID)


def test_a_message_without_properties_is_read() -> None:
    read = delivery(content_type=None, user=None)

    assert isinstance(read.content, AccountSnapshot)
    assert (read.message_id, read.sent_at, read.sender, read.reply_to) == (None, None, None, None)


@pytest.mark.parametrize("message_id", ["17", "x" * 32, "x", f"{{{MESSAGE_ID}}}", "a\x00b"])
def test_a_message_id_that_is_no_uuid_is_refused(message_id: str) -> None:
    assert faults(message_id=message_id) == ["message_id"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/json; charset=utf-16", "JSON"])
def test_another_content_type_is_refused(content_type: str) -> None:
    assert faults(content_type=content_type) == ["content_type"]


@pytest.mark.parametrize("reply_to", ["lotwise.sizing", "lotwise.reply.other.1", "amq.rabbitmq.reply-to"])
def test_a_reply_to_that_is_not_the_senders_is_refused_and_forgotten(reply_to: str) -> None:
    read = delivery(reply_to=reply_to)

    assert faults(reply_to=reply_to) == ["reply_to"]
    assert read.reply_to is None


def test_every_fault_is_named_at_once() -> None:
    assert faults(body={}, content_type="a/b", message_id="1", reply_to="q", message_type="account.snapshot.v9") == [
        "content_type",
        "message_id",
        "reply_to",
        "type",
    ]


def test_a_message_refused_for_its_properties_still_tells_whose_it_is() -> None:
    content = delivery(content_type="text/plain").content

    assert isinstance(content, InvalidMessage)
    assert content.document["user_id"] == "u-1"


def test_a_deeply_nested_message_with_wrong_properties_is_refused_like_any_other() -> None:
    deep: object = 1
    for _ in range(800):
        deep = [deep]
    body = {**builders.instruments(user_id="u-1", login=7, specs=[{}]).model_dump(mode="json"), "instruments": [deep]}

    assert faults(body=body, message_type="account.instruments.v1", content_type="text/plain") == ["content_type"]


def test_the_sender_of_a_copy_is_believed_from_ourselves() -> None:
    assert delivery(user="worker", headers={"x-lotwise-user-id": "bridge"}).sender == "bridge"


@pytest.mark.parametrize("user", ["bridge", None])
def test_a_sender_in_a_header_is_believed_from_nobody_else(user: str | None) -> None:
    assert delivery(user=user, headers={"x-lotwise-user-id": "owner"}).sender == user


def test_attempts_are_believed_from_ourselves() -> None:
    assert delivery(user="worker", headers={"x-lotwise-attempt": 2}).attempt == 2


@pytest.mark.parametrize("user", ["bridge", None])
def test_attempts_are_believed_from_nobody_else(user: str | None) -> None:
    assert delivery(user=user, headers={"x-lotwise-attempt": 2}).attempt == 0


@pytest.mark.parametrize("attempt", [-1, "2", None, b"2", 2.0, {}])
def test_an_attempt_that_is_no_count_is_none(attempt: object) -> None:
    assert delivery(user="worker", headers={"x-lotwise-attempt": attempt}).attempt == 0


def test_a_time_zone_makes_no_difference() -> None:
    sent_at = datetime(2026, 11, 22, 16, tzinfo=timezone(timedelta(hours=2)))

    assert delivery(timestamp=sent_at).sent_at == datetime(2026, 11, 22, 14, tzinfo=UTC)


def test_only_the_headers_that_we_know_are_carried_on() -> None:
    headers = {"traceparent": "00-a-b-01", "authorization": "Bearer x", "CC": ["lotwise.config"], "x-death": [{}]}

    assert delivery(headers=headers).trace == {"traceparent": "00-a-b-01"}


@pytest.mark.parametrize("value", [7, None, [], {}, "", True])
def test_a_header_that_is_no_text_is_not_there(value: object) -> None:
    read = delivery(headers={"traceparent": value, "authorization": value})

    assert (read.trace, read.authorization) == ({}, None)
