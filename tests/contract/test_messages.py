"""Golden messages: the contract's examples, completed. They are only ever added to; one that fails breaks somebody.

`python -m tests.contract.test_messages` notes the digests of new ones.
"""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from shared.contracts.examples import split_name
from shared.schemas.config import AnyCommand
from shared.schemas.decoding import SCHEMAS, decode, schema_name
from shared.schemas.instrument import read_specs
from shared.schemas.sizing import SizingDecision, SizingOutcome, Status

GOLDEN = Path(str(files("shared.contracts") / "examples"))
FILES = sorted(GOLDEN.iterdir())
PUBLISHED = Path(__file__).with_name("golden") / "examples.json"


def schema_of(file: Path) -> str:
    """`sizing.decision.v1` of `sizing.decision.v1.refused.json`."""
    return split_name(file.stem)[0]


def digests() -> dict[str, str]:
    """The SHA-256 of each example."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in FILES}


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


def test_a_published_example_is_as_it_was_published() -> None:
    published = json.loads(PUBLISHED.read_text())

    assert {name: digest for name, digest in digests().items() if name in published} == published


def test_every_example_is_published() -> None:
    assert set(json.loads(PUBLISHED.read_text())) == {file.name for file in FILES}


def test_there_is_an_example_of_every_command() -> None:
    commands = {read(file).root.command for file in FILES if schema_of(file) == "config.command.v1"}  # type: ignore[attr-defined]

    assert commands == {get_args(command.model_fields["command"].annotation)[0] for command in get_args(AnyCommand)}


def test_there_is_an_example_of_every_way_to_decide() -> None:
    decisions = [decision for file in FILES if isinstance(decision := read(file), SizingDecision)]

    assert {decision.status for decision in decisions} == set(get_args(Status))
    assert {position.binding_limit for decision in decisions for position in decision.positions} >= {"risk", "margin"}


def test_there_is_an_example_of_every_outcome() -> None:
    outcomes = {outcome.outcome for file in FILES if isinstance(outcome := read(file), SizingOutcome)}

    assert outcomes == set(get_args(SizingOutcome.model_fields["outcome"].annotation))


@pytest.mark.parametrize("name", ["account.instruments.v1.json", "account.instruments.v1.margin_per_lot.json"])
def test_the_golden_spec_is_good(name: str) -> None:
    document = json.loads((GOLDEN / name).read_bytes())

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


if __name__ == "__main__":
    noted = json.loads(PUBLISHED.read_text()) if PUBLISHED.exists() else {}
    PUBLISHED.write_text(json.dumps({**digests(), **noted}, indent=1, sort_keys=True) + "\n")
