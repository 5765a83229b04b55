"""A symbol as its broker describes it → a spec of `account.instruments.v1`, or why there is none. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from examples.ea_bridge.rates import cost
from examples.ea_bridge.snapshot import exact
from shared.schemas.instrument import InstrumentSpec
from shared.schemas.reasons import field_errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from examples.ea_bridge.rates import Quote
    from examples.ea_bridge.terminal import SymbolInfo

CALC_MODES = {
    0: "forex",
    1: "futures",
    2: "cfd",
    3: "cfd_index",
    4: "cfd_leverage",
    5: "forex_no_leverage",
    32: "exch_stocks",
    33: "exch_futures",
    37: "exch_bonds",
}
"""SYMBOL_TRADE_CALC_MODE, those that Lotwise computes."""
NEW_POSITIONS = {1: "long only", 2: "short only", 4: "full"}
"""SYMBOL_TRADE_MODE, those in which a position may be opened; 0 is disabled, 3 close only."""


@dataclass(frozen=True, slots=True)
class Margins:
    """What the terminal says one lot binds at `price`, in account currency; None where it does not say."""

    price: float
    buy: float | None
    sell: float | None


@dataclass(frozen=True, slots=True)
class SymbolReading:
    """What one look at a symbol gave; `info` is None where the broker has no such symbol."""

    instrument: str
    symbol: str
    info: SymbolInfo | None
    margins: Margins | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """No spec is published for `instrument`, and why."""

    instrument: str
    reason: str


def to_spec(
    reading: SymbolReading, *, account_currency: str, quotes: Sequence[Quote], commission_per_lot: Decimal
) -> InstrumentSpec | Refusal:
    """The spec of a symbol, or why the symbol cannot be sized."""
    info = reading.info
    if info is None:
        return Refusal(reading.instrument, f"the broker has no symbol {reading.symbol!r}")
    if info.trade_calc_mode not in CALC_MODES:
        return Refusal(reading.instrument, f"Lotwise does not compute calculation mode {info.trade_calc_mode}")
    if info.trade_mode not in NEW_POSITIONS:
        return Refusal(reading.instrument, "the broker lets nobody open positions in it")
    document = {
        "instrument": reading.instrument,
        **_contract(info),
        **_margins(reading.margins),
        "margin_to_account": cost(info.currency_margin, into=account_currency, quotes=quotes),
        "profit_to_account": cost(info.currency_profit, into=account_currency, quotes=quotes),
        "commission_per_lot": commission_per_lot,
    }
    try:
        return InstrumentSpec.model_validate(document)
    except ValidationError as error:
        faults = "; ".join(f"{fault.field}: {fault.message}" for fault in field_errors(error))
        return Refusal(reading.instrument, faults)


def _contract(info: SymbolInfo) -> dict[str, object]:
    """What the broker has written down; 0.0 is unset, and the schema takes it so."""
    return {
        "symbol": info.name,
        "calc_mode": CALC_MODES[info.trade_calc_mode],
        "digits": info.digits,
        "contract_size": exact(info.trade_contract_size),
        "tick_size": exact(info.trade_tick_size),
        "tick_value": exact(info.trade_tick_value_loss),
        "face_value": exact(info.trade_face_value),
        "volume_min": exact(info.volume_min),
        "volume_max": exact(info.volume_max),
        "volume_step": exact(info.volume_step),
        "volume_limit": exact(info.volume_limit),
        "margin_initial": exact(info.margin_initial),
        "currency_base": info.currency_base,
        "currency_profit": info.currency_profit,
        "currency_margin": info.currency_margin,
    }


def _margins(margins: Margins | None) -> dict[str, object]:
    if margins is None or (margins.buy is None and margins.sell is None):
        return {}
    given = {"margin_price": margins.price, "margin_per_lot_buy": margins.buy, "margin_per_lot_sell": margins.sell}
    return {name: exact(value) for name, value in given.items() if value is not None}
