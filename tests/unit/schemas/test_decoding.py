"""Bytes from anybody: read, or refused with what is wrong; never an exception, never a word of what was sent."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from shared.schemas.account import AccountSnapshot
from shared.schemas.decoding import BODY_BYTES_MAX, SCHEMAS, InvalidMessage, decode, schema_name
from shared.schemas.reasons import REASONS_MAX
from tests import builders

SNAPSHOT = frozenset({"account.snapshot.v1"})
REQUEST = frozenset({"sizing.request.v1"})
EVERY = frozenset(SCHEMAS)


def read(document: object, name: str = "account.snapshot.v1") -> BaseModel | InvalidMessage:
    return decode(name, json.dumps(document).encode(), EVERY)


def refused(body: bytes, name: str | None = "account.snapshot.v1") -> InvalidMessage:
    content = decode(name, body, EVERY)
    assert isinstance(content, InvalidMessage)
    return content


def snapshot(**fields: Any) -> dict[str, Any]:
    return {**builders.snapshot_document(user_id="u-1", login=7, account=fields.pop("account", None)), **fields}


def errors(document: object, name: str = "account.snapshot.v1") -> dict[str | None, str]:
    content = read(document, name)
    assert isinstance(content, InvalidMessage)
    return {error.field: error.message for error in content.errors}


def test_a_complete_message_is_read() -> None:
    assert isinstance(read(snapshot()), AccountSnapshot)


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"", "not JSON: Expecting value at character 0"),
        (b"{", "not JSON: Expecting property name enclosed in double quotes at character 1"),
        (b'{"a": 1} x', "not JSON: Extra data at character 9"),
        (b"\xff\xfe", "it is not UTF-8 at byte 0"),
        (b'{"user_id": "\xe9"}', "it is not UTF-8 at byte 13"),
        ("{}".encode("utf-16"), "it is not UTF-8 at byte 0"),
        ("{}".encode("utf-16-le"), "not JSON"),
        ("\ufeff{}".encode(), "not JSON"),
        (b'{"a": 1, "a": 1}', "it names a field twice"),
        (b'{"a": {"b": 1, "b": 2}}', "it names a field twice"),
        (b'{"balance": NaN}', "NaN is not a number"),
        (b'{"balance": Infinity}', "Infinity is not a number"),
        (b'{"balance": -Infinity}', "-Infinity is not a number"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"a":' * 30_000, "it is nested too deeply"),
        (b'{"balance": ' + b"9" * 5000 + b"}", "it holds a number that is too long"),
        (b"[]", "the body is not a JSON object"),
        (b'"text"', "the body is not a JSON object"),
        (b"null", "the body is not a JSON object"),
        (b"17", "the body is not a JSON object"),
    ],
    ids=range(20),
)
def test_a_body_that_is_no_json_object_is_refused_with_its_cause(body: bytes, cause: str) -> None:
    (error,) = refused(body).errors

    assert error.field is None
    assert cause in error.message


def test_a_body_above_256_kib_is_refused_unread() -> None:
    body = json.dumps(snapshot()).encode()

    (error,) = refused(body + b" " * (256 * 1024 + 1 - len(body))).errors

    assert error.message == "the body has 262145 bytes; at most 262144 are read"


def test_a_body_of_256_kib_is_read() -> None:
    body = json.dumps(snapshot()).encode()

    content = decode("account.snapshot.v1", body + b" " * (BODY_BYTES_MAX - len(body)), SNAPSHOT)

    assert isinstance(content, AccountSnapshot)


@pytest.mark.parametrize("name", [None, "", "account.snapshot.v2", "sizing.request.v1", "x" * 255])
def test_a_type_that_is_not_accepted_is_refused_and_the_document_kept(name: str | None) -> None:
    content = decode(name, json.dumps(snapshot()).encode(), SNAPSHOT)

    assert isinstance(content, InvalidMessage)
    assert [(error.field, error.message) for error in content.errors] == [
        ("type", "must be one of account.snapshot.v1")
    ]
    assert content.document["user_id"] == "u-1"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("balance", "NaN"),
        ("balance", True),
        ("balance", None),
        ("balance", "1e400"),
        ("balance", "9" * 39),
        ("balance", {}),
        ("margin_used", "-0.01"),
        ("total_positions_volume", -1),
        ("open_positions_count", -1),
        ("open_positions_count", 1.0),
        ("open_positions_count", "1"),
        ("open_positions_count", True),
        ("open_positions_count", 2**31),
        ("captured_at", "2026-11-22T14:00:00"),
        ("captured_at", 1_795_356_000),
        ("user_id", ""),
        ("user_id", 17),
        ("user_id", "u\x001"),
        ("user_id", "u\ud8001"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    assert list(errors(snapshot(**{field: value}))) == [field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("login", 0),
        ("login", -1),
        ("login", 2**63),
        ("login", "590338389"),
        ("login", 590338389.0),
        ("login", True),
        ("server", " Demo"),
        ("currency", "gbp"),
        ("currency_digits", 9),
        ("currency_digits", True),
        ("leverage", -1),
        ("leverage", "100"),
        ("leverage", 99.5),
        ("leverage", 2**31),
        ("is_demo", "true"),
        ("is_demo", 1),
        ("margin_mode", "fifo"),
        ("trade_allowed", None),
    ],
)
def test_a_wrong_field_of_the_account_is_named_by_its_path(field: str, value: object) -> None:
    assert list(errors(snapshot(account={field: value}))) == [f"account.{field}"]


@pytest.mark.parametrize("account", [None, [], "590338389"])
def test_an_account_that_is_no_object_is_named(account: object) -> None:
    assert list(errors(snapshot() | {"account": account})) == ["account"]


def test_a_number_beyond_every_float_is_refused() -> None:
    body = json.dumps(snapshot()).replace('"10000.00"', "1e400", 1).encode()

    (error,) = refused(body).errors

    assert (error.field, error.message) == ("balance", "must be a finite number")


def test_an_unknown_field_is_refused_by_name() -> None:
    assert errors(snapshot(blance="1")) == {"blance": "Extra inputs are not permitted"}


def test_every_missing_field_is_named_at_once() -> None:
    document = snapshot()
    del document["equity"], document["margin_free"], document["account"]["login"]

    assert errors(document) == dict.fromkeys(("account.login", "equity", "margin_free"), "Field required")


def test_no_more_fields_are_named_than_an_answer_holds() -> None:
    assert len(errors({f"field_{number}": 1 for number in range(1000)})) == REASONS_MAX


def test_no_error_repeats_a_value_that_was_sent() -> None:
    secret = "my-password"
    document = snapshot(balance=secret, captured_at=secret, account={"currency": secret, "margin_mode": secret})

    assert secret not in str(errors(document))


def test_no_error_repeats_an_unknown_command() -> None:
    document = {"command_id": "c-1", "command": "my-password"}

    assert "my-password" not in str(errors(document, "config.command.v1"))


@pytest.mark.parametrize("field", ["a\x00b", "\x00", "\ud800", "a\ud800b", "x" * 5000, "a\nb", ""])
def test_the_path_of_an_unknown_field_is_fit_for_the_log_and_the_reply(field: str) -> None:
    """Whatever the sender calls a field, its name must fit into a UTF-8 reply and a PostgreSQL text."""
    content = read({**builders.request_document(user_id="u-1"), field: 1}, "sizing.request.v1")

    assert isinstance(content, InvalidMessage)
    for error in content.errors:
        path = (error.field or "").encode()
        assert len(path) <= 1000
        assert b"\x00" not in path


def test_a_document_that_is_nested_as_deeply_as_it_may_be_is_refused_by_name() -> None:
    deep: object = 1
    for _ in range(800):
        deep = [deep]

    assert list(errors(snapshot(deep=deep))) == ["deep"]


def test_every_schema_travels_under_its_own_name() -> None:
    assert {schema_name(schema): schema for schema in SCHEMAS.values()} == SCHEMAS


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ({}, "command"),
        ({"command": "halve_everything"}, "command"),
        ({"command": 7}, "command"),
        ({"command": "set_risk_percent"}, "new_risk_percent"),
        ({"command": "set_risk_percent", "new_risk_percent": "2", "effective_at": None}, "effective_at"),
        ({"command": "set_risk_percent", "new_risk_percent": True}, "new_risk_percent"),
        ({"command": "set_risk_percent", "new_risk_percent": "2", "expected_version": "1"}, "expected_version"),
        ({"command": "set_margin_buffer"}, "margin_buffer_percent"),
        ({"command": "set_entry_splits", "entry_splits": {"entry_1_percent": "1"}}, "entry_splits.entry_2_percent"),
        ({"command": "schedule_risk_percent", "new_risk_percent": "2"}, "effective_at"),
        ({"command": "cancel_schedule"}, "schedule_id"),
    ],
)
def test_a_wrong_command_is_told_by_the_field_of_its_own_kind(command: dict[str, Any], wrong: str) -> None:
    assert wrong in errors({"command_id": "c-1", **command}, "config.command.v1")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"entries": []}, "entries"),
        ({"entries": [builders.entry("1", "2")] * 4}, "entries"),
        ({"entries": [builders.entry("0", "1")]}, "entries.0.entry_price"),
        ({"entries": [{"entry_price": "1"}]}, "entries.0.stop_loss"),
        ({"entries": [builders.entry("1", "-1")]}, "entries.0.stop_loss"),
        ({"entries": {}}, "entries"),
        ({"side": "long"}, "side"),
        ({"request_id": "17"}, "request_id"),
        ({"account": {"login": 7}}, "account.server"),
        ({"account": 7}, "account"),
        ({"conversion_rates": {"GBPUSD": "0"}}, "conversion_rates.GBPUSD"),
        ({"conversion_rates": {"gbpusd": "1"}}, "conversion_rates.gbpusd.[key]"),
        ({"conversion_rates": {f"AAA{a}{b}C": "1" for a in "ABCDEFGHIJK" for b in "ABCDEFGHIJ"}}, "conversion_rates"),
        ({"on_insufficient_margin": "ignore"}, "on_insufficient_margin"),
        ({"expires_at": "tomorrow"}, "expires_at"),
    ],
)
def test_a_wrong_request_is_told_by_the_path_of_its_field(fields: dict[str, Any], wrong: str) -> None:
    document = builders.request_document(user_id="u-1", **fields)

    assert list(errors(document, "sizing.request.v1")) == [wrong]


@pytest.mark.parametrize("outcome", [{"outcome": "filled"}, {"occurred_at": "2026-11-22T14:00:00"}, {"request_id": 1}])
def test_a_wrong_outcome_is_refused(outcome: dict[str, Any]) -> None:
    right = {"request_id": str(uuid4()), "outcome": "executed", "occurred_at": "2026-11-22T14:00:00Z"}

    assert list(errors({**right, **outcome}, "sizing.outcome.v1")) == list(outcome)


@given(st.binary(max_size=300), st.one_of(st.none(), st.sampled_from(sorted(SCHEMAS)), st.text(max_size=20)))
def test_whatever_the_bytes_are_nothing_is_raised(body: bytes, name: str | None) -> None:
    content = decode(name, body, EVERY)

    assert isinstance(content, BaseModel | InvalidMessage)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.from_regex(r"-?\d+e\d+"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = sorted({field for schema in SCHEMAS.values() for field in schema.model_fields} | {"command"})


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=12), st.sampled_from(sorted(SCHEMAS)))
def test_whatever_the_document_says_nothing_is_raised(document: dict[str, Any], name: str) -> None:
    content = read(document, name)

    assert isinstance(content, BaseModel | InvalidMessage)
