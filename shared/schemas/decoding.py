"""Bytes from the broker into a message, or into all that is wrong with them. Never raises for what was sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from shared.schemas.account import AccountInstruments, AccountRefused, AccountSnapshot
from shared.schemas.config import ConfigChanged, ConfigCommand, ConfigResult, Schedule, WorkerState
from shared.schemas.latency import WorkerLatency
from shared.schemas.reasons import FieldError, field_errors
from shared.schemas.sizing import SizingDecision, SizingOutcome, SizingRequest

BODY_BYTES_MAX = 256 * 1024

SCHEMAS: dict[str, type[BaseModel]] = {
    "account.snapshot.v1": AccountSnapshot,
    "account.instruments.v1": AccountInstruments,
    "account.refused.v1": AccountRefused,
    "sizing.request.v1": SizingRequest,
    "sizing.decision.v1": SizingDecision,
    "sizing.outcome.v1": SizingOutcome,
    "config.command.v1": ConfigCommand,
    "config.result.v1": ConfigResult,
    "config.changed.v1": ConfigChanged,
    "schedule.ended.v1": Schedule,
    "worker.state.v1": WorkerState,
    "worker.latency.v1": WorkerLatency,
}
"""Every version of every message, by the `type` property it travels under."""
_NAMES = {schema: name for name, schema in SCHEMAS.items()}


@dataclass(frozen=True, slots=True)
class InvalidMessage:
    """What could not be read: every wrong field, and the JSON object (untrusted) as far as there is one."""

    errors: tuple[FieldError, ...]
    document: dict[str, Any] = field(default_factory=dict)


def schema_name(message: BaseModel | type[BaseModel]) -> str:
    """The `type` under which a message travels, such as `sizing.request.v1`."""
    return _NAMES[message if isinstance(message, type) else type(message)]


def decode(name: str | None, body: bytes, accepted: frozenset[str]) -> BaseModel | InvalidMessage:
    """Read `body` as the schema `name`, which must be one of `accepted`."""
    if len(body) > BODY_BYTES_MAX:
        return _invalid(None, f"the body has {len(body)} bytes; at most {BODY_BYTES_MAX} are read")
    document = parse_object(body)
    if isinstance(document, FieldError):
        return InvalidMessage((document,))
    if name not in accepted:
        return InvalidMessage((FieldError("type", f"must be one of {', '.join(sorted(accepted))}"),), document)
    schema = SCHEMAS[name]
    try:
        return schema.model_validate(document)
    except ValidationError as error:
        return InvalidMessage(field_errors(error, tag=_tag(schema)), document)


def refuse_with(faults: tuple[FieldError, ...], content: BaseModel | InvalidMessage, body: bytes) -> InvalidMessage:
    """`content`, decoded from `body`, refused for what it travelled with; those faults are named first."""
    if isinstance(content, InvalidMessage):
        return InvalidMessage((*faults, *content.errors), content.document)
    document = parse_object(body)
    return InvalidMessage(faults, document if isinstance(document, dict) else {})


def _tag(schema: type[BaseModel]) -> str | None:
    """The field that tells the members of a schema apart, where it is a union."""
    root = schema.model_fields.get("root")
    return root.discriminator if root and isinstance(root.discriminator, str) else None


def _invalid(path: str | None, message: str) -> InvalidMessage:
    return InvalidMessage((FieldError(path, message),))


def parse_object(body: bytes) -> dict[str, Any] | FieldError:
    """The JSON object in `body`, floats and all, or why there is none: names given twice and NaN are refused."""
    try:
        document = _DECODER.decode(body.decode())
    except (ValueError, RecursionError) as error:
        return FieldError(None, f"the body is not JSON: {_cause(error)}")
    return document if isinstance(document, dict) else FieldError(None, "the body is not a JSON object")


def _cause(error: Exception) -> str:
    """Why the parser refused, without a word of what was sent."""
    match error:
        case json.JSONDecodeError():
            return f"{error.msg} at character {error.pos}"
        case UnicodeDecodeError():
            return f"it is not UTF-8 at byte {error.start}"
        case RecursionError():
            return "it is nested too deeply"
        case _NotAcceptedError():
            return str(error)
    return "it holds a number that is too long"


class _NotAcceptedError(ValueError):
    """Something that Python's parser would accept and we do not."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise _NotAcceptedError("it names a field twice")
    return document


def _refuse_constant(name: str) -> Any:
    raise _NotAcceptedError(f"{name} is not a number")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)
