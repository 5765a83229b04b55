"""The JSON Schemas for other languages: the published ones are the generated ones, and take every golden example."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from shared.contracts.examples import all_examples
from shared.contracts.json_schemas import DIALECT, json_schema
from shared.schemas.decoding import SCHEMAS
from tests.contract.published import DOCS, assert_published

FOLDER = DOCS / "schemas"
EXAMPLES = [
    pytest.param(message, body, id=f"{message}.{variant}")
    for message, variants in all_examples().items()
    for variant, body in variants.items()
]


@pytest.mark.parametrize("message", SCHEMAS)
def test_the_published_schema_is_the_generated_one(message: str) -> None:
    assert_published(FOLDER / f"{message}.json", json_schema(message), by="lotwise schemas --output docs/schemas")


def test_no_schema_is_published_of_what_is_no_message() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {f"{message}.json" for message in SCHEMAS}


@pytest.mark.parametrize("message", SCHEMAS)
def test_it_is_a_schema_of_draft_2020_12(message: str) -> None:
    schema = json_schema(message)

    assert schema["$schema"] == DIALECT
    jsonschema_rs.meta.validate(schema)


@pytest.mark.parametrize(("message", "body"), EXAMPLES)
def test_a_golden_example_is_what_its_schema_says(message: str, body: Any) -> None:
    jsonschema_rs.validator_for(json_schema(message)).validate(body)
