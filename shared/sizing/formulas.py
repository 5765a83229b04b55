"""The formulas of rules 3 and 7 as a decision used them: written with names, and with the numbers put in.

The engine computes; this only tells. The figures themselves come from the decision's record.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import floor, prod

from shared.schemas.instrument import InstrumentSpec
from shared.schemas.sizing import SizingRequest
from shared.schemas.values import format_decimal
from shared.sizing.account import Account
from shared.sizing.catalogue import StandardContract
from shared.sizing.conversion import Conversion, read_rates
from shared.sizing.margin import LEVERAGED, PRICE_TERM, margin_rate
from shared.sizing.rational import ONE, Rational, exact
from shared.sizing.rounding import shortest_text
from shared.sizing.verdict import EntryFigures

Number = Rational | Decimal | int

EXACT_PLACES_MAX = 10
"""A figure that needs more places behind the point is shown rounded."""
ROUNDED_PLACES = 6
"""Places of a rounded figure behind the point; of one below 1, behind its leading zeros."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A chain from left to right, such as `contract_size × price / leverage` and `100 × 1950.00 / 100`."""

    names: str
    numbers: str

    @classmethod
    def of(cls, name: str, number: Number | str) -> Formula:
        """The first term."""
        return cls(name, shown(number))

    def then(self, operator: str, name: str, number: Number | str) -> Formula:
        """With one term more."""
        return Formula(f"{self.names} {operator} {name}", f"{self.numbers} {operator} {shown(number)}")

    def times(self, name: str, number: Number | str) -> Formula:
        """Multiplied."""
        return self.then("×", name, number)

    def over(self, name: str, number: Number | str) -> Formula:
        """Divided."""
        return self.then("/", name, number)


def shown(number: Number | str) -> str:
    """A figure for people: all of it where it has at most ten places, else rounded and marked with ≈."""
    if isinstance(number, str):
        return number
    if isinstance(number, Decimal):
        return format_decimal(number)
    text = exact_text(number)
    if "/" not in text and len(text.partition(".")[2]) <= EXACT_PLACES_MAX:
        return text
    zeros = len(str(floor(1 / abs(exact(number))))) - 1
    return f"≈{exact_text(round(exact(number), ROUNDED_PLACES + zeros))}"


def exact_text(number: Number) -> str:
    """A figure for programs: the decimal where there is one, else `numerator/denominator`."""
    if isinstance(number, Decimal):
        return format_decimal(number)
    number = exact(number)
    places = _places(number.denominator)
    if places is None:
        return f"{number.numerator}/{number.denominator}"
    return shortest_text(Decimal(f"{number.numerator * 10**places // number.denominator}E-{places}"))


def published_loss(spec: InstrumentSpec, entry: EntryFigures) -> Formula:
    """Rule 3 by the published spec: by the tick value, or converted at the stop."""
    distance = _distance(entry)
    if entry.terms.at_stop:
        loss = distance.times("contract_size", spec.contract_size).over("stop", entry.prices.stop)
        unit = entry.terms.loss_rate / exact(spec.contract_size)
        loss = loss if unit == 1 else loss.times("unit of the account's currency", unit)
    else:
        loss = distance.over("tick_size", spec.tick_size).times("tick_value", spec.tick_value)
    return loss.then("+", "commission_per_lot", spec.commission_per_lot) if spec.commission_per_lot else loss


def published_margin_formula(
    spec: InstrumentSpec, request: SizingRequest, account: Account, entry: EntryFigures
) -> Formula:
    """Rule 7 by the published spec: OrderCalcMargin's answer where it is given, else the mode's formula."""
    side, price = request.side, entry.prices.entry
    answered = spec.margin_per_lot_buy if side == "buy" else spec.margin_per_lot_sell
    if answered is not None:
        formula = Formula.of(f"margin_per_lot_{side}", answered)
        if entry.terms.margin.times_price and spec.margin_price is not None:
            formula = formula.times("price", price).over("margin_price", spec.margin_price)
        return formula
    formula = _table(spec, account, price)
    rate = spec.margin_rate_buy if side == "buy" else spec.margin_rate_sell
    if rate is not None and rate != 1:
        formula = formula.times(f"margin_rate_{side}", rate)
    to_account = margin_rate(spec, account.currency) or ONE
    return formula if to_account == 1 else formula.times("margin_to_account", to_account)


def standard_loss(contract: StandardContract, entry: EntryFigures, account: Account) -> Formula:
    """Rule 3 by the catalogue."""
    loss = _distance(entry).times("contract_size", contract.contract_size)
    if entry.terms.at_stop:
        loss = loss.over("stop", entry.prices.stop)
    return _converted(loss, entry.terms.loss_conversion, contract.profit, account.currency)


def standard_margin(contract: StandardContract, entry: EntryFigures, account: Account) -> Formula:
    """Rule 7 by the catalogue."""
    formula = Formula.of("contract_size", contract.contract_size)
    if entry.terms.margin.times_price:
        formula = formula.times("price", entry.prices.entry)
    formula = formula.over("leverage", account.leverage)
    return _converted(formula, entry.terms.margin_conversion, contract.margin, account.currency)


def conversion_formula(
    conversion: Conversion, contract: StandardContract, request: SizingRequest, entry: EntryFigures
) -> Formula:
    """The path of a conversion, and its rates: those of the request, and the entry's own price."""
    rates = {**read_rates(request.conversion_rates), (contract.base, contract.profit): entry.prices.entry}
    links = [(link.removeprefix("1/"), link.startswith("1/")) for link in conversion.path]
    factors = [(rates[pair[:3], pair[3:]], inverted) for pair, inverted in links]
    units = conversion.factor / prod((1 / rate if inverted else rate for rate, inverted in factors), start=ONE)
    numbers = " × ".join(f"1 / {shown(rate)}" if inverted else shown(rate) for rate, inverted in factors)
    formula = Formula(" × ".join(conversion.path), numbers)
    return formula if units == 1 else formula.times("units", units)


def _distance(entry: EntryFigures) -> Formula:
    return Formula("|entry − stop|", f"|{shown(entry.prices.entry)} − {shown(entry.prices.stop)}|")


def _converted(formula: Formula, conversion: Conversion | None, source: str, target: str) -> Formula:
    if conversion is None or conversion.factor == 1:
        return formula
    return formula.times(f"{source} to {target}", conversion.factor)


def _table(spec: InstrumentSpec, account: Account, price: Rational) -> Formula:
    if spec.margin_initial is not None:
        formula = Formula.of("margin_initial", spec.margin_initial)
    elif spec.calc_mode == "cfd_index":
        formula = _index_size(spec, account)
    else:
        formula = Formula.of("contract_size", spec.contract_size)
        if spec.calc_mode == "exch_bonds" and spec.face_value is not None:
            formula = formula.times("face_value", spec.face_value).over("100", 100)
    if spec.margin_initial is None and spec.calc_mode in PRICE_TERM:
        formula = formula.times("price", price)
    return formula.over("leverage", account.leverage) if spec.calc_mode in LEVERAGED else formula


def _index_size(spec: InstrumentSpec, account: Account) -> Formula:
    to_account = margin_rate(spec, account.currency) or ONE
    by_tick = exact(spec.tick_value) / (exact(spec.tick_size) * to_account)
    return Formula(
        "larger of (contract_size, tick_value / tick_size / margin_to_account)",
        f"larger of ({shown(spec.contract_size)}, {shown(by_tick)})",
    )


def _places(denominator: int) -> int | None:
    """Places behind the point of a fraction with this denominator; None where there is no end of them."""
    counts = []
    for factor in (2, 5):
        count = 0
        while denominator % factor == 0:
            denominator //= factor
            count += 1
        counts.append(count)
    return max(counts) if denominator == 1 else None
