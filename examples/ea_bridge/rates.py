"""What a currency costs in the account's, from the quotes that the broker gives. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal, localcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

INVERSE_DIGITS = 17
"""Significant digits of an inverted price: as many as a double has."""


@dataclass(frozen=True, slots=True)
class Quote:
    """One unit of `base` costs `ask`, and is sold at `bid`, in `profit`."""

    base: str
    profit: str
    bid: Decimal
    ask: Decimal


def cost(currency: str, *, into: str, quotes: Iterable[Quote]) -> Decimal | None:
    """What one unit of `currency` costs in `into`, bought at the price that the account would pay.

    Straight before inverted; of several quotes the dearest. None where the currencies are the same, which needs no
    rate, or where no quote joins them.
    """
    if currency == into:
        return None
    given = [quote for quote in quotes if quote.bid > 0 and quote.ask > 0]
    straight = [quote.ask for quote in given if (quote.base, quote.profit) == (currency, into)]
    inverted = [_inverse(quote.bid) for quote in given if (quote.base, quote.profit) == (into, currency)]
    return max(straight or inverted, default=None)


def _inverse(price: Decimal) -> Decimal:
    with localcontext(prec=INVERSE_DIGITS, rounding=ROUND_UP):
        return 1 / price
