"""What a broker's symbol says, as a spec; the figures are those of real brokers."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from examples.ea_bridge.rates import Quote
from examples.ea_bridge.replayed_terminal import ReplayedSymbol
from examples.ea_bridge.specs import CALC_MODES, Margins, Refusal, SymbolReading, to_spec
from shared.schemas.instrument import InstrumentSpec
from tests.terminals import NUMBERS, ROWS, symbol

USDJPY = Quote("USD", "JPY", Decimal("111.380"), Decimal("111.387"))
EURUSD = Quote("EUR", "USD", Decimal("1.18672"), Decimal("1.18702"))
SPEC_FIELDS = {
    "contract": "contract_size",
    "tick_size": "tick_size",
    "tick_value_loss": "tick_value",
    "vmin": "volume_min",
    "vmax": "volume_max",
    "vstep": "volume_step",
    "base": "currency_base",
    "profit": "currency_profit",
    "margin": "currency_margin",
}


def translate(
    info: ReplayedSymbol | None, *, margins: Margins | None = None, quotes: Sequence[Quote] = ()
) -> InstrumentSpec | Refusal:
    reading = SymbolReading("THING", "thing.r", info, margins)
    return to_spec(reading, account_currency="USD", quotes=quotes, commission_per_lot=Decimal(7))


def spec(info: ReplayedSymbol, *, margins: Margins | None = None, quotes: Sequence[Quote] = ()) -> InstrumentSpec:
    made = translate(info, margins=margins, quotes=quotes)
    assert isinstance(made, InstrumentSpec), made
    return made


def refusal(info: ReplayedSymbol | None) -> str:
    made = translate(info)
    assert isinstance(made, Refusal)
    return made.reason


@pytest.mark.parametrize("number", ROWS)
def test_every_published_symbol_becomes_an_exact_spec_or_is_refused_for_what_is_unset(number: str) -> None:
    row = ROWS[number]
    made = translate(symbol(number))
    missing = {name for key, name in SPEC_FIELDS.items() if key not in row}
    if isinstance(made, Refusal):
        assert {fault.split(":")[0] for fault in made.reason.split("; ")} == missing
    else:
        assert not missing
        given = {key: getattr(made, SPEC_FIELDS[key]) for key in NUMBERS if key in SPEC_FIELDS}
        assert given == {key: Decimal(row[key]) for key in given}


def test_the_instrument_carries_our_name_and_the_symbol_the_brokers() -> None:
    made = spec(symbol("S04", name="EURUSD.r"))
    assert (made.instrument, made.symbol, made.calc_mode) == ("THING", "EURUSD.r", "forex")


def test_what_the_terminal_leaves_at_zero_is_not_given() -> None:
    made = spec(symbol("S04"))
    assert (made.volume_limit, made.margin_initial, made.face_value) == (None, None, None)
    assert (made.margin_rate_buy, made.margin_rate_sell) == (None, None)


def test_a_volume_limit_is_passed_on() -> None:
    assert spec(symbol("S06", volume_min=0.01, volume_step=0.01)).volume_limit == Decimal(15)


def test_currencies_are_converted_into_the_accounts() -> None:
    made = spec(symbol("S01"), quotes=[USDJPY, EURUSD])
    assert made.margin_to_account == Decimal("1.18702")
    assert made.profit_to_account == Decimal("0.0089782725803555396")


def test_without_a_quote_no_conversion_is_given() -> None:
    made = spec(symbol("S01"))
    assert (made.margin_to_account, made.profit_to_account) == (None, None)


def test_margins_are_given_with_the_price_that_they_are_for() -> None:
    made = spec(symbol("S04"), margins=Margins(1.18702, 1187.02, 1187.0))
    assert (made.margin_per_lot_buy, made.margin_per_lot_sell) == (Decimal("1187.02"), Decimal(1187))
    assert made.margin_price == Decimal("1.18702")


def test_a_margin_that_the_terminal_does_not_tell_is_left_out() -> None:
    made = spec(symbol("S04"), margins=Margins(1.18702, 1187.02, None))
    assert (made.margin_per_lot_buy, made.margin_per_lot_sell) == (Decimal("1187.02"), None)


def test_the_commission_comes_from_the_table() -> None:
    assert spec(symbol("S04")).commission_per_lot == Decimal(7)


@pytest.mark.parametrize(("number", "name"), CALC_MODES.items())
def test_each_calculation_mode_is_named(number: int, name: str) -> None:
    assert spec(symbol("S04", trade_calc_mode=number)).calc_mode == name


@pytest.mark.parametrize("number", [34, 35, 36, 38, 39, 64])
def test_another_calculation_mode_is_refused_and_never_taken_for_forex(number: int) -> None:
    assert refusal(symbol("S04", trade_calc_mode=number)) == f"Lotwise does not compute calculation mode {number}"


def test_a_symbol_that_the_broker_does_not_have_is_refused() -> None:
    assert refusal(None) == "the broker has no symbol 'thing.r'"


@pytest.mark.parametrize("trade_mode", [0, 3])
def test_a_symbol_in_which_no_position_can_be_opened_is_refused(trade_mode: int) -> None:
    assert refusal(symbol("S04", trade_mode=trade_mode)) == "the broker lets nobody open positions in it"


def test_a_symbol_without_a_price_yet_is_refused() -> None:
    assert refusal(symbol("S04", trade_tick_value_loss=0.0)).startswith("tick_value: ")
