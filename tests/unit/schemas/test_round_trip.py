"""What is written is read back as it was, for every message there is."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from shared.schemas.decoding import SCHEMAS, decode
from tests.unit.schemas.strategies import MESSAGES


@pytest.mark.parametrize("name", sorted(SCHEMAS))
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_written_message_is_read_back_as_it_was(name: str, data: st.DataObject) -> None:
    message: BaseModel = data.draw(MESSAGES[SCHEMAS[name]])

    read = decode(name, message.model_dump_json().encode(), frozenset({name}))

    assert read == message
