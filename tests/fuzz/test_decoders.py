"""The readers of other people's bytes never raise, whatever the bytes: by chance, from a corpus made to do harm."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.schemas.decoding import SCHEMAS
from tests.fuzz.corpus import BODIES, GOOD, PROPERTIES
from tests.fuzz.targets import TARGETS, decode_as_every_schema, deliver, read_properties

SEEDS = st.sampled_from([*BODIES.values(), *GOOD.values(), *PROPERTIES.values()])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A piece of the corpus with some of it replaced, left out or repeated."""
    seed = draw(SEEDS)
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(seed))] * 2)))
    return seed[:start] + draw(st.binary(max_size=64)) + seed[draw(st.sampled_from([start, end])) :]


ANY = st.one_of(st.binary(max_size=2_000), damaged())


@given(ANY)
@example(b"")
def test_any_body_is_a_message_or_says_what_is_wrong_with_it(body: bytes) -> None:
    decode_as_every_schema(body)


FIELDS = sorted({field for schema in SCHEMAS.values() for field in getattr(schema, "model_fields", ())})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["1e400", "\ud800", "NaN"]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=5),
)


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=20), VALUES, max_size=20))
def test_any_json_is_a_message_or_says_what_is_wrong_with_it(document: dict[str, object]) -> None:
    decode_as_every_schema(json.dumps(document).encode())


@given(ANY)
def test_any_properties_are_read_or_not_there(data: bytes) -> None:
    read_properties(data)


@given(ANY, ANY)
def test_any_properties_and_body_make_a_delivery(properties: bytes, body: bytes) -> None:
    deliver(len(properties[: 2**16 - 1]).to_bytes(2, "big") + properties[: 2**16 - 1] + body)


@pytest.mark.parametrize("name", BODIES)
def test_the_corpus_of_bodies_is_refused_by_every_schema(name: str) -> None:
    decode_as_every_schema(BODIES[name])


@pytest.mark.parametrize("name", PROPERTIES)
@pytest.mark.parametrize("target", ["properties", "deliver"])
def test_the_corpus_of_properties_harms_nobody(target: str, name: str) -> None:
    TARGETS[target](PROPERTIES[name])
