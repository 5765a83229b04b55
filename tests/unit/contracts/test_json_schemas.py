"""What the JSON Schemas say is what the services do, as far as a schema can say it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from shared.contracts.json_schemas import json_schema
from shared.contracts.traffic import is_sent_to_us
from shared.schemas import json_forms
from shared.schemas.decoding import SCHEMAS, decode
from shared.schemas.instrument import InstrumentSpec
from shared.schemas.values import parse_decimal, parse_time, parse_uuid
from tests.unit.schemas.strategies import MESSAGES, SPECS

VALIDATORS = {message: jsonschema_rs.validator_for(json_schema(message)) for message in SCHEMAS}
READ_WHOLE = [message for message in SCHEMAS if is_sent_to_us(message) and message != "account.instruments.v1"]
"""What is sent to us, but the instruments: each is read alone, and a wrong one is no reason to refuse the message."""
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, [], {}, "", " x", "x ", "a\nb", "x" * 129, -1, 0, 5, 1.5, "-1", "0", "1e3", "+.5", "NaN", "2026-11-22"]
)
UNHURRIED = settings(deadline=None)
SLOW = settings(UNHURRIED, max_examples=25, suppress_health_check=[HealthCheck.too_slow])


def written(data: st.DataObject, message: str) -> Any:
    """A message as it travels."""
    return json.loads(data.draw(MESSAGES[SCHEMAS[message]]).model_dump_json())


def is_read(message: str, document: Any) -> bool:
    """Whether our services read it."""
    return isinstance(decode(message, json.dumps(document).encode(), frozenset({message})), BaseModel)


def spoilt(data: st.DataObject, document: dict[str, Any]) -> dict[str, Any]:
    """The message with one field gone, one too many, or one that is something else."""
    place: Any = document
    while inner := [value for value in children(place) if value and isinstance(value, dict | list)]:
        if data.draw(st.booleans()):
            break
        place = data.draw(st.sampled_from(inner))
    if isinstance(place, list):
        place[data.draw(st.integers(0, len(place) - 1))] = data.draw(JUNK)
    elif data.draw(st.integers(0, 9)) == 0:
        place["unknown"] = 1
    else:
        key = data.draw(st.sampled_from(sorted(place)))
        if data.draw(st.integers(0, 4)) == 0:
            del place[key]
        else:
            place[key] = data.draw(JUNK)
    return document


def children(node: dict[str, Any] | list[Any]) -> list[Any]:
    """What is directly inside."""
    return list(node.values()) if isinstance(node, dict) else node


@pytest.mark.parametrize("message", SCHEMAS)
@SLOW
@given(data=st.data())
def test_any_message_is_what_its_schema_says(message: str, data: st.DataObject) -> None:
    VALIDATORS[message].validate(written(data, message))


@pytest.mark.parametrize("message", SCHEMAS)
@SLOW
@given(data=st.data())
def test_what_our_services_do_not_read_is_not_what_the_schema_says(message: str, data: st.DataObject) -> None:
    document = spoilt(data, written(data, message))
    read, valid = is_read(message, document), VALIDATORS[message].is_valid(document)

    assert valid == read if message in READ_WHOLE else valid <= read


@SLOW
@given(data=st.data())
def test_the_schema_says_of_each_instrument_what_it_must_be(data: st.DataObject) -> None:
    spec = spoilt(data, json.loads(data.draw(SPECS).model_dump_json()))
    message = {**written(data, "account.instruments.v1"), "instruments": [spec]}
    volumes = [spec.get(name) for name in ("volume_min", "volume_max")]
    assume(volumes == ["0.01", "50"])  # that the one is not above the other is beyond a schema

    assert VALIDATORS["account.instruments.v1"].is_valid(message) == is_spec(spec)


def is_spec(document: Any) -> bool:
    """Whether our services take it."""
    try:
        InstrumentSpec.model_validate(document)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("form", "takes"),
    [
        (json_forms.DECIMAL, lambda _: True),
        (json_forms.POSITIVE, lambda number: number > 0),
        (json_forms.NON_NEGATIVE, lambda number: number >= 0),
    ],
    ids=["any", "positive", "not negative"],
)
@UNHURRIED
@given(text=st.from_regex(r"[+-]?[0-9]{0,3}\.?[0-9]{0,3}([eE][+-]?[0-9])?", fullmatch=True))
def test_a_decimals_form_takes_exactly_what_is_read(form: json_forms.JsonForm, takes: Any, text: str) -> None:
    try:
        expected = takes(parse_decimal(text))
    except ValueError:
        expected = False

    assert jsonschema_rs.is_valid(form.read, text) == expected


@UNHURRIED
@given(number=st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1, max_value=1))
def test_a_decimal_that_is_not_given_may_be_zero_and_is_written_as_null(number: Decimal) -> None:
    assert jsonschema_rs.is_valid(json_forms.NOT_GIVEN_IF_ZERO.read, str(number)) == (number >= 0)
    assert jsonschema_rs.is_valid(json_forms.NOT_GIVEN_IF_ZERO.written, str(number)) == (number > 0)


def why_no_time(text: str) -> str:
    """What our services say of it; nothing where they read it."""
    try:
        parse_time(text)
    except ValueError as error:
        return str(error)
    return ""


@UNHURRIED
@given(text=st.from_regex(json_forms.TIME.read["pattern"], fullmatch=True))
def test_a_time_that_the_form_takes_is_read_unless_it_does_not_exist(text: str) -> None:
    assert "RFC 3339" not in why_no_time(text)


@UNHURRIED
@given(text=st.from_regex(json_forms.ID.read["pattern"], fullmatch=True))
def test_an_id_that_the_form_takes_is_read(text: str) -> None:
    assert str(parse_uuid(text)) == text.lower()
