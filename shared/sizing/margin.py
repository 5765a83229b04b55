"""Rule 7, what one lot binds, and rule 8, whether a setup's margin is there.

Sources: MetaTrader 5's documentation of SYMBOL_TRADE_CALC_MODE (the margin formula of each mode), SYMBOL_MARGIN_INITIAL
and OrderCalcMargin.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from shared.schemas.instrument import CalcMode, InstrumentSpec
from shared.schemas.reasons import Reason
from shared.schemas.sizing import Side
from shared.sizing.conversion import unit_ratio
from shared.sizing.rational import ONE, Rational, exact

PRICE_TERM = frozenset[CalcMode]({"cfd", "cfd_index", "cfd_leverage", "exch_stocks", "exch_bonds"})
"""Modes whose margin is proportional to the price."""
LEVERAGED = frozenset[CalcMode]({"forex", "cfd_leverage"})
"""Modes whose margin is divided by the account's leverage."""

MarginCode = Literal["insufficient_margin", "margin_buffer"]


@dataclass(frozen=True, slots=True)
class LotMargin:
    """What one lot binds in account currency: `amount`, or `amount` times the entry price."""

    amount: Rational
    times_price: bool

    def at(self, price: Rational) -> Rational:
        """Margin of one lot as a market order at `price`."""
        return self.amount * price if self.times_price else self.amount


@dataclass(frozen=True, slots=True)
class FreeMargin:
    """Rule 8's figures, in account currency, exact.

    `limit` is what a setup may use: the free margin without the owner's buffer. `required` is what the volumes of rule
    5 need, before any shrinking; `code` is the rule that they fail, if any.
    """

    reserved: Rational
    free: Rational
    limit: Rational
    required: Rational

    @property
    def code(self) -> MarginCode | None:
        """The first of the two margin rules that `required` breaks."""
        if self.required > self.free:
            return "insufficient_margin"
        return "margin_buffer" if self.required > self.limit else None


def free_margin(margin_free: Decimal, reserved: Decimal, buffer_percent: Decimal, required: Rational) -> FreeMargin:
    """Rule 8: what the account's newest snapshot has free, less its live reservations, less the buffer."""
    free = exact(margin_free) - exact(reserved)
    limit = free * (1 - exact(buffer_percent) / 100)
    return FreeMargin(reserved=exact(reserved), free=free, limit=limit, required=required)


def published_margin(spec: InstrumentSpec, *, side: Side, currency: str, leverage: int) -> LotMargin | Reason:
    """What one lot of a published spec binds on a `side` order, or what the spec lacks to tell it."""
    answered = spec.margin_per_lot_buy if side == "buy" else spec.margin_per_lot_sell
    if answered is not None:
        return _answered_margin(spec, exact(answered))
    to_account = margin_rate(spec, currency)
    if to_account is None:
        return _missing("margin_to_account", f"converts margin from {spec.currency_margin} to {currency}")
    table = _table(spec, leverage, to_account)
    if isinstance(table, Reason):
        return table
    side_rate = spec.margin_rate_buy if side == "buy" else spec.margin_rate_sell
    return LotMargin(table.amount * to_account * exact(side_rate or 1), table.times_price)


def margin_rate(spec: InstrumentSpec, currency: str) -> Rational | None:
    """What one unit of the margin currency is in the account's; 1 where they are the same, None where not given."""
    if spec.currency_margin == currency:
        return ONE
    if spec.margin_to_account is not None:
        return exact(spec.margin_to_account)
    return unit_ratio(spec.currency_margin, currency)


def _answered_margin(spec: InstrumentSpec, per_lot: Rational) -> LotMargin | Reason:
    """OrderCalcMargin's answer holds leverage, rate and conversion; only its price may have moved since."""
    if spec.calc_mode not in PRICE_TERM or spec.margin_initial is not None:
        return LotMargin(per_lot, times_price=False)
    if spec.margin_price is None:
        return _missing("margin_price", f"is the price of margin_per_lot, which moves with it in mode {spec.calc_mode}")
    return LotMargin(per_lot / exact(spec.margin_price), times_price=True)


def _table(spec: InstrumentSpec, leverage: int, to_account: Rational) -> LotMargin | Reason:
    """One lot's margin in margin currency, before the side's margin rate."""
    divisor = leverage if spec.calc_mode in LEVERAGED else 1
    if spec.margin_initial is not None:
        return LotMargin(exact(spec.margin_initial) / divisor, times_price=False)
    size = exact(spec.contract_size)
    match spec.calc_mode:
        case "forex" | "forex_no_leverage":
            return LotMargin(size / divisor, times_price=False)
        case "cfd" | "exch_stocks" | "cfd_leverage":
            return LotMargin(size / divisor, times_price=True)
        case "cfd_index":
            return LotMargin(max(size, tick_worth(spec) / to_account), times_price=True)
        case "futures" | "exch_futures":
            return _missing("margin_initial", f"is the whole margin in mode {spec.calc_mode}")
        case "exch_bonds":
            if spec.face_value is None:
                return _missing("face_value", "is part of the margin in mode exch_bonds")
            return LotMargin(size * exact(spec.face_value) / 100, times_price=True)


def tick_worth(spec: InstrumentSpec) -> Rational:
    """What one lot loses, in account currency, when the price moves by 1.0."""
    return exact(spec.tick_value) / exact(spec.tick_size)


def _missing(field: str, use: str) -> Reason:
    message = f"The published spec lacks {field}, which {use}."
    return Reason(code="instrument_inconsistent", message=message, field=field)
