"""Golden messages: the contract's examples, completed. They are only ever added to; one that fails breaks somebody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from shared.schemas.decoding import SCHEMAS, decode, schema_name
from shared.schemas.instrument import read_specs

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.v*.json"))


def schema_of(file: Path) -> str:
    """`sizing.decision.v1` of `sizing.decision.v1.refused.json`."""
    return ".".join(file.name.split(".")[:3])


def read(file: Path) -> BaseModel:
    content = decode(schema_of(file), file.read_bytes(), frozenset(SCHEMAS))
    assert isinstance(content, BaseModel), content
    return content


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_message_is_read_and_written_back_the_same(file: Path) -> None:
    message = read(file)

    assert json.loads(message.model_dump_json()) == json.loads(file.read_bytes())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_message_travels_under_its_name(file: Path) -> None:
    assert schema_name(read(file)) == schema_of(file)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_fields_are_written_in_the_contracts_order(file: Path) -> None:
    assert list(json.loads(read(file).model_dump_json())) == list(json.loads(file.read_bytes()))


def test_every_message_has_a_golden_example() -> None:
    assert {schema_of(file) for file in FILES} == set(SCHEMAS)


def test_the_golden_spec_is_good() -> None:
    document = json.loads((GOLDEN / "account.instruments.v1.json").read_bytes())

    (spec,), refused = read_specs(tuple(document["instruments"]))

    assert refused == ()
    assert spec.model_dump(mode="json") == document["instruments"][0]


OPTIONAL: dict[str, list[tuple[Any, ...]]] = {
    "account.snapshot.v1": [
        ("account", "currency_digits", None),
        ("account", "margin_mode", "hedging"),
        ("account", "trade_allowed", True),
    ],
    "sizing.request.v1": [
        ("account", None),
        ("conversion_rates", {}),
        ("on_insufficient_margin", "reject"),
        ("expires_at", None),
        ("entries", 0, "take_profit", None),
    ],
    "config.command.v1.set_risk_percent": [("reason", None), ("expected_version", None)],
}


@pytest.mark.parametrize(
    ("name", "path"), [(name, path) for name, paths in OPTIONAL.items() for path in paths], ids=str
)
def test_what_may_be_left_out_has_its_default(name: str, path: tuple[Any, ...]) -> None:
    document = json.loads((GOLDEN / f"{name}.json").read_bytes())
    *place, field, default = path
    inner = document
    for step in place:
        inner = inner[step]
    del inner[field]

    message = decode(".".join(name.split(".")[:3]), json.dumps(document).encode(), frozenset(SCHEMAS))

    assert isinstance(message, BaseModel), message
    inner[field] = default
    assert json.loads(message.model_dump_json()) == document
