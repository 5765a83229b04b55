"""From one currency into another by the rates at hand; never a guess, and never 1 for want of a rate.

A rate `GBPUSD` 1.27 says 1 GBP = 1.27 USD and serves both ways: directly from GBP to USD, inverted from USD to GBP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from shared.sizing.rational import ONE, Rational, exact, ratio

SUBUNITS = {"GBX": "GBP", "USX": "USD"}
"""Currencies that are a hundredth of another: pence and cents, in which some shares are quoted."""
SUBUNITS_PER_UNIT = 100

Rates = Mapping[tuple[str, str], Rational]
"""(from, to) → what one unit of the first is in the second; whole currencies only, never a subunit."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """An exact factor between two currencies, and the rates that it came from, such as `("EURUSD", "1/GBPUSD")`."""

    factor: Rational
    path: tuple[str, ...] = ()


def read_rates(pairs: Mapping[str, Decimal]) -> dict[tuple[str, str], Rational]:
    """The rates by currency. One that is quoted in a subunit serves where its whole currency has none of its own."""
    rates: dict[tuple[str, str], Rational] = {}
    for pair in sorted(pairs, key=_names_a_subunit):
        source, target = pair[:3], pair[3:]
        rate = exact(pairs[pair]) * _units(target) / _units(source)
        rates.setdefault((_whole(source), _whole(target)), rate)
    return rates


def unit_ratio(source: str, target: str) -> Rational | None:
    """What one `source` is in `target` where both are the same money: 1, or a hundredth, or a hundred; else None."""
    if source == target:
        return ONE
    if _whole(source) == _whole(target):
        return _units(source) / _units(target)
    return None


def convert(source: str, target: str, rates: Rates) -> Conversion | None:
    """Direct before inverse, before a chain of two; of several chains the one that is dearest, the greatest factor.

    Every amount that is converted here is a loss or a margin, so that greater is against the account.
    """
    same = unit_ratio(source, target)
    if same is not None:
        return Conversion(same)
    found = _link(_whole(source), _whole(target), rates) or _chain(_whole(source), _whole(target), rates)
    if found is None:
        return None
    return Conversion(found.factor * _units(source) / _units(target), found.path)


def _link(source: str, target: str, rates: Rates) -> Conversion | None:
    direct = rates.get((source, target))
    if direct is not None:
        return Conversion(direct, (source + target,))
    inverse = rates.get((target, source))
    if inverse is not None:
        return Conversion(1 / inverse, (f"1/{target}{source}",))
    return None


def _chain(source: str, target: str, rates: Rates) -> Conversion | None:
    chains = []
    for middle in sorted({currency for pair in rates for currency in pair} - {source, target}):
        first, second = _link(source, middle, rates), _link(middle, target, rates)
        if first is not None and second is not None:
            chains.append(Conversion(first.factor * second.factor, first.path + second.path))
    return max(chains, key=lambda chain: chain.factor, default=None)


def _whole(currency: str) -> str:
    return SUBUNITS.get(currency, currency)


def _units(currency: str) -> Rational:
    """What one of `currency` is in its whole currency."""
    return ratio(1, SUBUNITS_PER_UNIT) if currency in SUBUNITS else ONE


def _names_a_subunit(pair: str) -> tuple[bool, str]:
    return pair[:3] in SUBUNITS or pair[3:] in SUBUNITS, pair
