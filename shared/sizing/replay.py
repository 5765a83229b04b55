"""A stored decision made again by today's engine: the same, or where it differs."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from shared.sizing.decision import decide
from shared.sizing.record import decode_inputs, record_json, unpack_record

MISSING = "nothing"
TEXT_MAX = 80
"""Characters of a value that a difference repeats."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of the reply, or a figure of the record, that is not what it was."""

    field: str
    stored: str
    recomputed: str

    def __str__(self) -> str:
        return f"{self.field}: stored {self.stored}, recomputed {self.recomputed}"


def replay(record: bytes, reply: bytes) -> tuple[Difference, ...]:
    """Decide again from `record`; where the outcome differs from `reply`, byte for byte, and from the record's figures.

    Empty where nothing does. A record or a reply that cannot be read is a difference.
    """
    try:
        unpacked = unpack_record(record)
        inputs = decode_inputs(unpacked)
    except (ValidationError, zlib.error) as error:
        return (Difference("record", f"cannot be read ({type(error).__name__})", MISSING),)
    decision = decide(inputs.request, inputs.situation)
    return (*_replies(reply, decision.answer.body), *_records(unpacked, record_json(inputs, decision)))


def _records(stored: bytes, recomputed: bytes) -> Iterator[Difference]:
    if stored != recomputed:
        yield from _differences("record", json.loads(stored), json.loads(recomputed))


def _replies(stored: bytes, recomputed: bytes) -> list[Difference]:
    if stored == recomputed:
        return []
    try:
        document = json.loads(stored)
    except ValueError:  # neither JSON nor UTF-8
        return [Difference("reply", "is no JSON", _short(recomputed.decode()))]
    found = list(_differences("", document, json.loads(recomputed)))
    return found or [Difference("reply", "the same fields in other bytes", _short(recomputed.decode()))]


def _differences(path: str, stored: Any, recomputed: Any) -> Iterator[Difference]:
    before, after = dict(_leaves(path, stored)), dict(_leaves(path, recomputed))
    for field in before | after:
        if before.get(field, MISSING) != after.get(field, MISSING):
            yield Difference(field, before.get(field, MISSING), after.get(field, MISSING))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every value of a document by its dotted path."""
    match value:
        case dict() if value:
            for name, member in value.items():
                yield from _leaves(f"{path}.{name}" if path else str(name), member)
        case list() | tuple() if value:
            for index, member in enumerate(value):
                yield from _leaves(f"{path}.{index}", member)
        case _:
            yield path, _short(json.dumps(value, default=str, ensure_ascii=False))


def _short(text: str) -> str:
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"
