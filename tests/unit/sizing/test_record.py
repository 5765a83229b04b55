"""The record of a decision is everything it was made from, and comes back as it was."""

from __future__ import annotations

import hashlib
import json
import zlib
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.sizing.decision import ENGINE_VERSION, decide
from shared.sizing.record import (
    DICTIONARY,
    decode_inputs,
    decode_record,
    encode_record,
    listed_reservation,
    unpack_record,
)
from tests.unit.sizing.examples import account, candidate, gold, request, situation
from tests.unit.sizing.test_properties import Case, any_decimal, cases, thousands

reservations = st.dictionaries(st.uuids(), any_decimal, max_size=3)


def listed(held: dict[UUID, Decimal]) -> bytes:
    return b"".join(listed_reservation(*one) for one in held.items())


@thousands
@given(cases, reservations)
def test_a_record_comes_back_as_it_was_written(case: Case, held: dict[UUID, Decimal]) -> None:
    asked, given_situation = case
    decision = decide(asked, given_situation)

    record = decode_record(encode_record(asked, given_situation, listed(held), decision))

    assert (record.request, record.situation, record.reservations) == (asked, given_situation, held)
    verdict = decision.verdict
    assert (record.budget, record.setup, record.margin) == (verdict.budget, verdict.setup, verdict.margin)
    assert record.engine_version == ENGINE_VERSION


@thousands
@given(cases)
def test_the_reply_follows_from_the_record(case: Case) -> None:
    decision = decide(*case)

    inputs = decode_inputs(unpack_record(encode_record(*case, b"", decision)))

    assert decide(inputs.request, inputs.situation).reply.to_json() == decision.reply.to_json()


def test_the_dictionary_is_the_one_that_stored_records_were_written_with() -> None:
    assert hashlib.sha256(DICTIONARY).hexdigest() == "06e2e47ea328273f440f118ac0ff011171fa2bd9828a1ea216e43d4806adb5f1"


def test_a_record_of_an_earlier_release_has_its_reservations_in_its_json() -> None:
    asked, given_situation = request(), situation(candidate(account(), gold()))
    document = json.loads(unpack_record(encode_record(asked, given_situation, b"", decide(asked, given_situation))))
    held = {UUID(int=7): Decimal("2500.5")}
    document["reservations"] = {f"{request_id}": f"{margin}" for request_id, margin in held.items()}

    assert decode_record(zlib.compress(json.dumps(document).encode())).reservations == held


def test_what_is_no_record_is_refused() -> None:
    with pytest.raises(zlib.error):
        decode_record(b"{}")
    with pytest.raises(zlib.error):
        decode_record(zlib.compress(b"{}")[:-1])
    with pytest.raises(ValidationError):
        decode_record(zlib.compress(b"{}"))


def test_a_record_is_small() -> None:
    asked, given_situation = request(), situation(candidate(account(), gold()))

    stored = encode_record(asked, given_situation, b"", decide(asked, given_situation))

    assert len(stored) < 500
