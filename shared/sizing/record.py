"""The full record of a decision: everything it was made from and every figure on the way, to explain and to replay
it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from pydantic import TypeAdapter

from shared.schemas.sizing import SizingRequest
from shared.sizing.budget import Budget
from shared.sizing.decision import ENGINE_VERSION, Decision
from shared.sizing.margin import FreeMargin
from shared.sizing.situation import Situation
from shared.sizing.verdict import SetupFigures

COMPRESSION_LEVEL = 1
"""The fastest: a record is written in the deciding transaction, and shrinks to a third even so."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a decision was made from, and by which engine.

    `reservations`: what the chosen account's live reservations held, in account currency, by the request that made
    each.
    """

    engine_version: int
    request: SizingRequest
    situation: Situation
    reservations: dict[UUID, Decimal]


@dataclass(frozen=True, slots=True)
class Record(Inputs):
    """A decision's inputs, and its exact figures as rationals; None is what was not reached.

    The reply is not in it: it is stored beside, byte for byte.
    """

    budget: Budget | None
    setup: SetupFigures | None
    margin: FreeMargin | None


_INPUTS = TypeAdapter(Inputs)
_RECORD = TypeAdapter(Record)


def encode_record(
    request: SizingRequest, situation: Situation, reservations: dict[UUID, Decimal], decision: Decision
) -> bytes:
    """The record of a decision just made, as compressed JSON."""
    inputs = Inputs(ENGINE_VERSION, request, situation, reservations)
    return zlib.compress(record_json(inputs, decision), COMPRESSION_LEVEL)


def record_json(inputs: Inputs, decision: Decision) -> bytes:
    """The record of a decision that was made from `inputs`, before it is compressed."""
    verdict = decision.verdict
    figures = (verdict.budget, verdict.setup, verdict.margin)
    record = Record(inputs.engine_version, inputs.request, inputs.situation, inputs.reservations, *figures)
    return _RECORD.dump_json(record)


def unpack_record(stored: bytes) -> bytes:
    """A stored record's JSON. Raises zlib.error for what is none."""
    return zlib.decompress(stored)


def decode_record(stored: bytes) -> Record:
    """A stored record. Raises pydantic.ValidationError or zlib.error for what is none."""
    return _RECORD.validate_json(unpack_record(stored))


def decode_inputs(unpacked: bytes) -> Inputs:
    """What a record's JSON says the decision was made from, its figures unread, which takes half the time.

    Raises pydantic.ValidationError for what is no record.
    """
    return _INPUTS.validate_json(unpacked)
