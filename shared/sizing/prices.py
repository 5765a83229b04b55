"""Rule 6: on which side the prices lie, and at which price of the tick grid an entry is sized."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from shared.schemas.account import MarginMode
from shared.schemas.reasons import Reason
from shared.schemas.sizing import Entry, Side
from shared.schemas.values import format_decimal
from shared.sizing.rational import Rational, exact
from shared.sizing.rounding import multiple_above, multiple_below


@dataclass(frozen=True, slots=True)
class SizedPrices:
    """The prices that one entry is sized at, in the instrument's profit currency."""

    entry: Rational
    stop: Rational

    @property
    def distance(self) -> Rational:
        """From the entry to the stop, in price; above 0."""
        return abs(self.entry - self.stop)


def wrong_prices(entries: tuple[Entry, ...], side: Side) -> tuple[Reason, ...]:
    """Each stop that is not on the losing side of its entry and each take-profit that is not on the winning side."""
    return tuple(reason for index, entry in enumerate(entries) for reason in _wrong(index, entry, side))


def sized_prices(entry: Entry, side: Side, tick_size: Rational | None) -> SizedPrices:
    """The entry's prices; each that is off the tick grid is moved to the grid price that widens the distance.

    `tick_size` None: no grid is known.
    """
    price, stop = exact(entry.entry_price), exact(entry.stop_loss)
    if tick_size is None:
        return SizedPrices(price, stop)
    if side == "buy":
        return SizedPrices(multiple_above(price, tick_size), multiple_below(stop, tick_size))
    return SizedPrices(multiple_below(price, tick_size), multiple_above(stop, tick_size))


def off_the_grid(prices: tuple[SizedPrices, ...], tick_size: Decimal) -> tuple[Reason, ...]:
    """Each price for which the tick grid has nothing but 0 on the side that widens the distance."""
    fields = (
        f"entries.{index}.{field}"
        for index, sized in enumerate(prices)
        for field, price in (("entry_price", sized.entry), ("stop_loss", sized.stop))
        if price == 0
    )
    message = f"Lies below the instrument's first tick, {format_decimal(tick_size)}: send a price on the tick grid."
    return tuple(Reason(code="invalid_stop", message=message, field=field) for field in fields)


def differing_stop(entries: tuple[Entry, ...], margin_mode: MarginMode) -> Reason | None:
    """Why one position cannot carry these stops: with netting, a later order's stop replaces the position's."""
    if margin_mode == "hedging":
        return None
    first = entries[0].stop_loss
    for index, entry in enumerate(entries):
        if entry.stop_loss != first:
            return Reason(
                code="stops_differ",
                message=f"A {margin_mode} account holds one position per instrument, so its entries share one stop: "
                f"{format_decimal(entry.stop_loss)} differs from the first entry's {format_decimal(first)}.",
                field=f"entries.{index}.stop_loss",
            )
    return None


def _wrong(index: int, entry: Entry, side: Side) -> Iterator[Reason]:
    losing, winning = ("below", "above") if side == "buy" else ("above", "below")
    if not _lies(entry.stop_loss, losing, entry.entry_price):
        yield _invalid_stop(f"entries.{index}.stop_loss", f"The stop loss of a {side}", losing, entry.entry_price)
    if entry.take_profit is not None and not _lies(entry.take_profit, winning, entry.entry_price):
        yield _invalid_stop(f"entries.{index}.take_profit", f"The take profit of a {side}", winning, entry.entry_price)


def _lies(price: Decimal, side: str, entry_price: Decimal) -> bool:
    return price < entry_price if side == "below" else price > entry_price


def _invalid_stop(field: str, subject: str, side: str, entry_price: Decimal) -> Reason:
    message = f"{subject} must be {side} its entry price, {format_decimal(entry_price)}."
    return Reason(code="invalid_stop", message=message, field=field)
