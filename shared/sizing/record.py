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
class Record:
    """A decision's inputs, and its exact figures as rationals; None is what was not reached.

    `reservations`: what the chosen account's live reservations held, in account currency, by the request that made
    each. The reply is not in it: it is stored beside, byte for byte.
    """

    engine_version: int
    request: SizingRequest
    situation: Situation
    reservations: dict[UUID, Decimal]
    budget: Budget | None
    setup: SetupFigures | None
    margin: FreeMargin | None


_RECORD = TypeAdapter(Record)


def encode_record(
    request: SizingRequest, situation: Situation, reservations: dict[UUID, Decimal], decision: Decision
) -> bytes:
    """The record of a decision just made, as compressed JSON."""
    verdict = decision.verdict
    figures = (verdict.budget, verdict.setup, verdict.margin)
    record = Record(ENGINE_VERSION, request, situation, reservations, *figures)
    return zlib.compress(_RECORD.dump_json(record), COMPRESSION_LEVEL)


def decode_record(stored: bytes) -> Record:
    """A stored record. Raises pydantic.ValidationError or zlib.error for what is none."""
    return _RECORD.validate_json(zlib.decompress(stored))
