"""Why something was refused: every reason code, in one place, and the wire form of a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from shared.schemas.values import Message

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

REASONS_MAX = 20
"""Wrong fields named in one answer; a hostile message must not be able to ask for a longer one."""

NAME_MAX = 200
"""Characters of a name of the sender's that are repeated in an answer or a log."""

SizingReasonCode = Literal[
    "invalid_message",
    "request_id_conflict",
    "request_expired",
    "invalid_stop",
    "account_not_found",
    "ambiguous_account",
    "account_inactive",
    "account_stale",
    "non_positive_balance",
    "invalid_leverage",
    "unknown_instrument",
    "instrument_stale",
    "instrument_inconsistent",
    "stops_differ",
    "missing_conversion_rate",
    "below_minimum_volume",
    "insufficient_margin",
    "margin_buffer",
]
"""In the order in which they are checked; the first that fails answers alone."""

SyncReasonCode = Literal["invalid_message", "captured_in_future", "account_owner_mismatch"]

ConfigReasonCode = Literal[
    "unauthorized",
    "forbidden",
    "invalid_message",
    "out_of_range",
    "version_conflict",
    "command_id_conflict",
    "unknown_schedule",
    "expired",
    "try_again",
]

ReasonCode = SizingReasonCode | SyncReasonCode | ConfigReasonCode


class Reason(Message):
    """One reason of a refusal: a stable code, a sentence for people, and the path of the field where there is one."""

    code: ReasonCode
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field of a message: its dotted path (`entries.0.stop_loss`) and what is wrong with it."""

    field: str | None
    message: str


def printable(name: str) -> str:
    """A name that the sender chose, fit for a UTF-8 reply, a header and PostgreSQL's text.

    It may be as long as the message, and hold half characters, which UTF-8 does not know, or NUL, which PostgreSQL
    does not.
    """
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name[:NAME_MAX]
    )


def field_errors(error: ValidationError, *, prefix: str = "", tag: str | None = None) -> tuple[FieldError, ...]:
    """Each wrong field of a refused model, at most `REASONS_MAX`; never the value that was sent.

    `tag` is the field that tells the members of a union apart, where the model is one.
    """
    details = error.errors(include_url=False, include_input=False)
    named = [detail for detail in details if not _is_echo(detail, details)][:REASONS_MAX]
    return tuple(_field_error(prefix, detail, tag) for detail in named)


def _is_echo(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """Whether a list is called too short only because pydantic does not count its wrong members, named already."""
    loc = detail["loc"]
    return detail["type"] == "too_short" and any(
        len(other["loc"]) > len(loc) and other["loc"][: len(loc)] == loc for other in details
    )


def _field_error(prefix: str, detail: ErrorDetails, tag: str | None) -> FieldError:
    if detail["type"] == "union_tag_not_found":
        return FieldError(tag, "Field required")
    if detail["type"] == "union_tag_invalid":
        return FieldError(tag, f"must be one of {detail['ctx']['expected_tags']}")  # pydantic's words repeat the value
    # Where a union was told apart, pydantic begins the path with the tag's value.
    path = detail["loc"][1:] if tag else detail["loc"]
    return FieldError(_path(prefix, path), detail["msg"].removeprefix("Value error, "))


def _path(prefix: str, loc: tuple[int | str, ...]) -> str | None:
    parts = ([prefix] if prefix else []) + [str(part) for part in loc]
    return printable(".".join(parts)) or None
