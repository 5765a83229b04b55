"""The full record of a decision: everything it was made from and every figure on the way, to explain and to replay
it.

As stored: JSON, compressed by zlib with a dictionary, then the reservations that were seen, as they are, since random
ids do not shrink: each the 16 bytes of its request's id, its amount in digits, and a semicolon. Of the requests that
one transaction decided for one account only the first record lists what all of them saw; each of the others lists what
was approved in between.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib.resources import files
from uuid import UUID

from pydantic import TypeAdapter

from shared.schemas.sizing import SizingRequest
from shared.schemas.values import parse_decimal
from shared.sizing.budget import Budget
from shared.sizing.decision import ENGINE_VERSION, Decision
from shared.sizing.margin import FreeMargin
from shared.sizing.situation import Situation
from shared.sizing.verdict import SetupFigures

ID_BYTES = 16
COMPRESSION_LEVEL = 1
"""The fastest: a record is written in the deciding transaction."""
DICTIONARY = files("shared.sizing").joinpath("record_dictionary.txt").read_bytes()
"""Two typical records: what another has in common with them is not stored again.

Stored records cannot be read without it, so it is never changed; a stream that was written with it says so itself, and
those of earlier releases, written without, say that.
"""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a decision was made from, and by which engine.

    `reservations`: what the chosen account's live reservations held, in account currency, by the request that made
    each. Of a stored record they stand behind the JSON; in the JSON itself of one that an earlier release wrote.
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


def encode_record(request: SizingRequest, situation: Situation, reserved: bytes, decision: Decision) -> bytes:
    """The record of a decision just made. `reserved`: see `listed_reservation`."""
    inputs = Inputs(ENGINE_VERSION, request, situation, {})
    compressor = zlib.compressobj(COMPRESSION_LEVEL, zdict=DICTIONARY)
    return compressor.compress(record_json(inputs, decision)) + compressor.flush() + reserved


def listed_reservation(request_id: UUID, margin: Decimal) -> bytes:
    """One live reservation as a record lists it; several are joined."""
    return request_id.bytes + f"{margin:f};".encode()


def record_json(inputs: Inputs, decision: Decision) -> bytes:
    """The record of a decision that was made from `inputs`, before it is compressed."""
    verdict = decision.verdict
    figures = (verdict.budget, verdict.setup, verdict.margin)
    record = Record(inputs.engine_version, inputs.request, inputs.situation, inputs.reservations, *figures)
    return _RECORD.dump_json(record)


def unpack_record(stored: bytes) -> bytes:
    """A stored record's JSON. Raises zlib.error for what is none."""
    return _unpacked(stored)[0]


def decode_record(stored: bytes, first: bytes | None = None) -> Record:
    """A stored record. Raises pydantic.ValidationError, ValueError or zlib.error for what is none.

    `first`: the record whose reservations this one saw too, and does not list again.
    """
    document, listed = _unpacked(stored)
    record = _RECORD.validate_json(document)
    before = _reservations(_unpacked(first)[1]) if first is not None else {}
    return replace(record, reservations=record.reservations | before | _reservations(listed))


def decode_inputs(unpacked: bytes) -> Inputs:
    """What a record's JSON says the decision was made from, its figures unread, which takes half the time.

    Raises pydantic.ValidationError for what is no record.
    """
    return _INPUTS.validate_json(unpacked)


def _unpacked(stored: bytes) -> tuple[bytes, bytes]:
    """The JSON, and what stands behind it."""
    decompressor = zlib.decompressobj(zdict=DICTIONARY)
    document = decompressor.decompress(stored)
    if not decompressor.eof:
        raise zlib.error("the record is cut short")
    return document, decompressor.unused_data


def _reservations(listed: bytes) -> dict[UUID, Decimal]:
    reservations = {}
    while listed:
        margin, _, rest = listed[ID_BYTES:].partition(b";")
        reservations[UUID(bytes=listed[:ID_BYTES])] = parse_decimal(margin.decode())
        listed = rest
    return reservations
