"""The value types of the wire: exact decimals, UTC times, identifiers; and the frozen base of every message."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints

from shared.schemas import json_forms
from shared.schemas.json_forms import DECIMAL_TEXT_MAX

DECIMAL_DIGITS_MAX = 38
"""Digits of a decimal in plain notation; PostgreSQL and every other reader keeps that many exactly."""
IDENTIFIER_MAX = 128
TIMES_KEPT = 1024
"""How many times' texts are kept: all decisions of a batch are of one moment, all of an account name its snapshot's."""

_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(?P<exponent>[eE][+-]?\d{1,6})?", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


class Message(BaseModel):
    """A frozen message or a part of one: unknown fields refused, nothing converted silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def to_json(self) -> bytes:
        """The message as UTF-8 JSON, decimals as strings in plain notation, times in UTC."""
        return self.model_dump_json().encode()


def parse_decimal(value: object) -> Decimal:
    """A JSON string or number as the exact decimal it denotes; a binary float by its shortest decimal form.

    Raises ValueError for anything else: booleans, NaN, infinities, more than 38 digits in plain notation.
    """
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, str):
        form = _DECIMAL.fullmatch(value) if len(value) <= DECIMAL_TEXT_MAX else None
        if form is None:
            raise ValueError('must be a decimal, as a string such as "1950.25"')
        number = Decimal(value)
        if form["exponent"] is None and len(value) <= DECIMAL_DIGITS_MAX:
            return number or abs(number)  # as short as that, nothing below can be wrong with it; -0 is 0
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = Decimal(repr(value))
    else:
        raise ValueError('must be a decimal, as a string such as "1950.25"')
    if not number.is_finite():
        raise ValueError("must be a finite number")
    if plain_digits(number) > DECIMAL_DIGITS_MAX:
        raise ValueError(f"must have at most {DECIMAL_DIGITS_MAX} digits")
    return number or abs(number)  # -0 is 0


def plain_digits(number: Decimal) -> int:
    """How many digits a finite `number` has in plain notation, before and after the point."""
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        raise TypeError("a finite decimal is needed")
    return max(len(digits) + exponent, 0) + max(-exponent, 0)


def format_decimal(number: Decimal) -> str:
    """Plain notation, digits as they are: `Decimal("1E+2")` is "100", `Decimal("1.50")` is "1.50"."""
    text = str(number)
    return text if "E" not in text else format(number, "f")


def parse_time(value: object) -> datetime:
    """An RFC 3339 string with an offset, or an aware datetime, as a datetime in UTC. Raises ValueError."""
    if isinstance(value, str):
        if not _TIME.fullmatch(value):
            raise ValueError('must be an RFC 3339 time with its offset, such as "2026-11-22T14:00:00.125Z"')
        value = datetime.fromisoformat(value.upper())
    if not isinstance(value, datetime):
        raise ValueError('must be an RFC 3339 time with its offset, such as "2026-11-22T14:00:00.125Z"')
    if value.tzinfo is None:
        raise ValueError("must carry its offset from UTC")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range") from None


@lru_cache(maxsize=TIMES_KEPT)
def format_time(time: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond or, where it has them, the microsecond."""
    precision = "microseconds" if time.microsecond % 1000 else "milliseconds"
    return time.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def parse_uuid(value: object) -> UUID:
    """A UUID in its canonical text form. Raises ValueError."""
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise ValueError('must be a UUID such as "8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10"')
    return UUID(value)


def _not_given_if_zero(value: Any) -> Any:
    """MetaTrader reports unset values as 0.0: 0 and null both mean *not given*."""
    if value is None:
        return None
    number = parse_decimal(value)
    return number or None


ExactDecimal = Annotated[
    Decimal,
    BeforeValidator(parse_decimal),
    PlainSerializer(format_decimal, return_type=str, when_used="json"),
    json_forms.DECIMAL,
]
"""Any finite decimal of up to 38 digits."""
PositiveDecimal = Annotated[ExactDecimal, Field(gt=0), json_forms.POSITIVE]
NonNegativeDecimal = Annotated[ExactDecimal, Field(ge=0), json_forms.NON_NEGATIVE]
OptionalDecimal = Annotated[PositiveDecimal | None, BeforeValidator(_not_given_if_zero), json_forms.NOT_GIVEN_IF_ZERO]
"""A positive decimal, or None where the sender gave null or 0."""

UtcTime = Annotated[
    datetime,
    BeforeValidator(parse_time),
    PlainSerializer(format_time, return_type=str, when_used="json"),
    json_forms.TIME,
]
Id = Annotated[UUID, BeforeValidator(parse_uuid), json_forms.ID]

Identifier = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=IDENTIFIER_MAX,
        pattern=r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$",
    ),
]
"""A name given by somebody else: no control characters, no white space at its ends."""
Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,12}$")]
"""A currency or asset code as MetaTrader names it: ISO 4217, metals (XAU), crypto (USDT), pence (GBX)."""
AccountCurrency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3,5}$")]
Login = Annotated[int, Field(ge=1, le=2**63 - 1)]
Leverage = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""100 = 1:100. Accounts without leverage report 0; sizing refuses them, the account's state is still true."""
