"""A stored decision made again: the same, or the fields in which it is not."""

from __future__ import annotations

import itertools
import json
import zlib
from random import Random

from shared.sizing.decision import decide
from shared.sizing.record import encode_record, unpack_record
from shared.sizing.replay import Difference, replay
from tests.unit.sizing.examples import account, candidate, gold, request, situation
from tests.unit.sizing.sampling import samples


def stored() -> tuple[bytes, bytes]:
    """Record and reply of the contract's example: 1.89, 1.32 and 0.56 lots."""
    asked, given = request(), situation(candidate(account(), gold()))
    decision = decide(asked, given)
    return encode_record(asked, given, b"", decision), decision.reply.to_json()


def test_a_decision_of_today_is_the_same_again() -> None:
    assert replay(*stored()) == ()


def test_every_random_decision_is_the_same_again() -> None:
    random = Random(3)  # noqa: S311 - reproducible, not secret
    for asked, given in itertools.islice(samples(random), 1000):
        decision = decide(asked, given)
        assert replay(encode_record(asked, given, b"", decision), decision.reply.to_json()) == ()


def test_each_field_of_a_reply_that_differs_is_named() -> None:
    record, reply = stored()
    document = json.loads(reply)
    document["positions"][1]["volume"] = "1.33"
    document["status"] = "rejected"

    assert replay(record, json.dumps(document).encode()) == (
        Difference("status", '"rejected"', '"approved"'),
        Difference("positions.1.volume", '"1.33"', '"1.32"'),
    )


def test_a_field_that_is_missing_or_too_much_is_named() -> None:
    record, reply = stored()
    document = json.loads(reply)
    del document["symbol"]
    document["comment"] = "more"

    assert replay(record, json.dumps(document).encode()) == (
        Difference("comment", '"more"', "nothing"),
        Difference("symbol", "nothing", '"GOLD.r"'),
    )


def test_the_same_fields_in_other_bytes_are_a_difference() -> None:
    record, reply = stored()

    (difference,) = replay(record, reply + b" ")

    assert (difference.field, difference.stored) == ("reply", "the same fields in other bytes")


def test_a_reply_that_is_no_json_is_a_difference() -> None:
    record, _ = stored()

    (difference,) = replay(record, b"\xff")

    assert (difference.field, difference.stored) == ("reply", "is no JSON")


def test_a_figure_that_no_reply_shows_is_compared_too() -> None:
    record, reply = stored()
    changed = unpack_record(record).replace(b'"unrounded":"150/79"', b'"unrounded":"151/79"')

    assert replay(zlib.compress(changed), reply) == (
        Difference("record.setup.entries.0.unrounded", '"151/79"', '"150/79"'),
    )


def test_a_record_that_cannot_be_read_is_a_difference() -> None:
    _, reply = stored()

    assert replay(b"nothing", reply) == (Difference("record", "cannot be read (error)", "nothing"),)
