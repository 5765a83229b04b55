"""From exact rationals to the decimals of a reply. Nothing here depends on a decimal context's precision."""

from __future__ import annotations

from decimal import Decimal

from shared.schemas.values import format_decimal
from shared.sizing.rational import Rational


def round_down(amount: Rational, digits: int) -> Decimal:
    """The greatest decimal of exactly `digits` places that is not above `amount`."""
    return _decimal(amount.numerator * 10**digits // amount.denominator, digits)


def round_up(amount: Rational, digits: int) -> Decimal:
    """The least decimal of exactly `digits` places that is not below `amount`."""
    return _decimal(-(-amount.numerator * 10**digits // amount.denominator), digits)


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
    text = format_decimal(number)
    return text.rstrip("0").rstrip(".") if "." in text else text


def places(number: Decimal) -> int:
    """How many places a number needs behind the point: 0.10 needs 1, 1E+2 none."""
    return len(shortest_text(number).partition(".")[2])


def _decimal(units: int, digits: int) -> Decimal:
    return Decimal(f"{int(units)}E-{digits}")  # an int formats thrice as fast as GMP's
