"""From exact rationals to the decimals of a reply. Nothing here depends on a decimal context's precision."""

from __future__ import annotations

from decimal import Decimal

from shared.schemas.values import DECIMAL_DIGITS_MAX, format_decimal
from shared.sizing.rational import Rational

TENS = tuple(10**digits for digits in range(DECIMAL_DIGITS_MAX + 1))


def units_below(amount: Rational, digits: int) -> int:
    """How many whole units of the place `digits` behind the point are in `amount`, rounded down: 1.239, 2 → 123."""
    return int(amount.numerator * TENS[digits] // amount.denominator)


def units_above(amount: Rational, digits: int) -> int:
    """The same, rounded up: 1.239, 2 → 124."""
    return int(-(-amount.numerator * TENS[digits] // amount.denominator))


def fixed_point(units: int, digits: int) -> str:
    """The decimal of exactly `digits` places that has so many units in the last: 124, 2 → "1.24"."""
    if digits == 0:
        return str(units)
    text = str(units).zfill(digits + 1 + (units < 0))
    return f"{text[:-digits]}.{text[-digits:]}"


def round_down(amount: Rational, digits: int) -> Decimal:
    """The greatest decimal of exactly `digits` places that is not above `amount`."""
    return Decimal(fixed_point(units_below(amount, digits), digits))


def round_up(amount: Rational, digits: int) -> Decimal:
    """The least decimal of exactly `digits` places that is not below `amount`."""
    return Decimal(fixed_point(units_above(amount, digits), digits))


def multiple_below(amount: Rational, step: Rational) -> Rational:
    """The greatest multiple of `step` that is not above `amount`."""
    return amount // step * step


def multiple_above(amount: Rational, step: Rational) -> Rational:
    """The least multiple of `step` that is not below `amount`."""
    return -(-amount // step) * step


def shortest(number: Decimal) -> Decimal:
    """The same number without trailing zeros behind the point: 2.50 is 2.5, 1E+2 is 100."""
    return Decimal(shortest_text(number))


def shortest_text(number: Decimal) -> str:
    """The one plain notation of a number: equal decimals have equal texts."""
    return without_zeros(format_decimal(number))


def without_zeros(text: str) -> str:
    """A number in plain notation without trailing zeros behind the point."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def places(number: Decimal) -> int:
    """How many places a number needs behind the point: 0.10 needs 1, 1E+2 none."""
    return len(shortest_text(number).partition(".")[2])
