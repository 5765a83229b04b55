"""Rules 3, 4 and 7: what a lot loses and binds, in each calculation mode."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from shared.schemas.instrument import CalcMode, InstrumentSpec
from shared.schemas.reasons import Reason
from shared.sizing.account import Account
from shared.sizing.instruments import LotTerms, published_terms
from shared.sizing.prices import SizedPrices
from tests.unit.sizing.examples import account, gold

DOLLARS = account(currency="USD")
"""100 ounces of gold on a dollar account at 1:100; one tick of 0.01 is 1.00."""


def spec(**changes: Any) -> InstrumentSpec:
    """Gold on a dollar account."""
    return gold(tick_value="1", profit_to_account=None, margin_to_account=None, **changes)


def terms(spec: InstrumentSpec, held: Account = DOLLARS, side: Any = "buy") -> LotTerms:
    """The terms of a spec that serves."""
    found = published_terms(spec, held, side)
    assert isinstance(found, LotTerms), found
    return found


def missing(spec: InstrumentSpec, held: Account = DOLLARS, side: Any = "buy") -> str | None:
    """The field for whose sake a spec does not serve."""
    found = published_terms(spec, held, side)
    assert isinstance(found, Reason)
    assert found.code == "instrument_inconsistent"
    return found.field


def margin(spec: InstrumentSpec, price: str, held: Account = DOLLARS, side: Any = "buy") -> Fraction:
    """What one lot binds at a price."""
    return terms(spec, held, side).margin.at(Fraction(price))


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("forex", 1),  # 100 / 100
        ("forex_no_leverage", 100),
        ("cfd", 200_000),  # 100 × 2000
        ("exch_stocks", 200_000),
        ("cfd_index", 200_000),  # 2000 × the larger of 100 and 1 / 0.01
        ("cfd_leverage", 2_000),  # 100 × 2000 / 100
    ],
)
def test_margin_of_one_lot_by_the_table(mode: CalcMode, expected: int) -> None:
    assert margin(spec(calc_mode=mode), "2000") == expected


def test_a_bond_binds_its_share_of_the_face_value() -> None:
    bond = gold(calc_mode="exch_bonds", tick_value="10", face_value="1000", profit_to_account=None)

    assert margin(bond, "98.5") == 98_500  # 100 × 1000 × 98.5 / 100


@pytest.mark.parametrize(
    ("tick_value", "serves"), [("50", True), ("49.5", True), ("49.4", False), ("50.5", True), ("50.6", False)]
)
def test_a_bonds_tick_is_its_share_of_the_face_value(*, tick_value: str, serves: bool) -> None:
    # 100 × 0.05 × 1000 / 100 = 50 a tick.
    bond = gold(calc_mode="exch_bonds", tick_size="0.05", tick_value=tick_value, face_value="1000")

    assert isinstance(published_terms(bond, DOLLARS, "buy"), LotTerms) is serves


@pytest.mark.parametrize("mode", ["futures", "exch_futures"])
def test_a_future_binds_its_initial_margin_and_its_tick_value_is_its_own(mode: CalcMode) -> None:
    future = gold(calc_mode=mode, tick_value="12.5", margin_initial="5000", margin_to_account=None)

    assert margin(future, "2000") == 5_000
    assert terms(future).loss(SizedPrices(Fraction(2000), Fraction("1999.90"))) == 125  # 10 ticks × 12.5
    assert missing(gold(calc_mode=mode, tick_value="12.5")) == "margin_initial"


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("forex", 50),  # 5000 / 100
        ("cfd_leverage", 50),
        ("forex_no_leverage", 5000),
        ("cfd", 5000),
        ("cfd_index", 5000),
        ("exch_stocks", 5000),
    ],
)
def test_the_initial_margin_replaces_the_formula(mode: CalcMode, expected: int) -> None:
    assert margin(spec(calc_mode=mode, margin_initial="5000"), "2000") == expected


def test_the_margin_of_an_index_goes_by_the_larger_of_contract_and_tick_worth() -> None:
    # A tick of 0.01 is worth 7.9 pounds = 10 dollars at 0.79: 1,000 a point, above the contract's 100. The rate of the
    # profit currency is not given, so that nothing says which of the two is wrong.
    index = gold(calc_mode="cfd_index", tick_value="7.9", profit_to_account=None, currency_profit="EUR")

    assert margin(index, "2000", account()) == 2000 * 1000 * Fraction("0.79")


@pytest.mark.parametrize(("side", "expected"), [("buy", 1_000), ("sell", 6_000)])
def test_the_margin_rate_is_the_sides_own(side: str, expected: int) -> None:
    rated = spec(margin_rate_buy="0.5", margin_rate_sell="3")

    assert margin(rated, "2000", side=side) == expected


def test_the_margin_is_converted_into_the_accounts_currency() -> None:
    assert margin(gold(), "2000", account()) == 1_580  # 100 × 2000 / 100 × 0.79


def test_the_brokers_own_answer_moves_with_the_price_where_the_mode_has_a_price_term() -> None:
    answered = spec(margin_per_lot_buy="1900", margin_price="1900", margin_rate_buy="7")

    assert margin(answered, "2000") == 2_000
    assert margin(answered, "2000", side="sell") == 2_000  # not answered for a sell: by the table
    assert missing(spec(margin_per_lot_buy="1900")) == "margin_price"


@pytest.mark.parametrize(("side", "expected"), [("buy", 1_000), ("sell", 3_000)])
def test_the_brokers_own_answer_is_the_sides_own(side: str, expected: int) -> None:
    answered = spec(margin_per_lot_buy="1000", margin_per_lot_sell="3000", margin_price="2000")

    assert margin(answered, "2000", side=side) == expected


@pytest.mark.parametrize("mode", ["cfd", "cfd_index", "cfd_leverage", "exch_stocks", "exch_bonds"])
def test_in_every_mode_with_a_price_term_the_brokers_own_answer_moves_with_the_price(mode: CalcMode) -> None:
    # A face value of 100 gives a bond the tick value of the others.
    answered = spec(calc_mode=mode, margin_per_lot_buy="1000", margin_price="1900", face_value="100")

    assert margin(answered, "3800") == 2_000


@pytest.mark.parametrize("change", [{"calc_mode": "forex"}, {"margin_initial": "5"}])
def test_the_brokers_own_answer_stands_as_it_is_where_the_price_does_not_matter(change: dict[str, str]) -> None:
    answered = spec(margin_per_lot_buy="1900", margin_rate_buy="7", **change)

    assert margin(answered, "2000") == 1_900


def test_the_brokers_own_answer_needs_no_conversion() -> None:
    answered = gold(margin_to_account=None, margin_per_lot_buy="1500", margin_price="2000")

    assert margin(answered, "2000", account()) == 1_500
    assert missing(gold(margin_to_account=None), account()) == "margin_to_account"


def test_zero_means_not_given() -> None:
    unset = spec(margin_per_lot_buy="0.0", margin_initial="0.0", margin_rate_buy="0", margin_price="0.0", face_value=0)

    assert margin(unset, "2000") == 2_000


def test_a_bond_without_a_face_value_cannot_be_judged() -> None:
    assert missing(spec(calc_mode="exch_bonds")) == "face_value"
    unchecked = gold(calc_mode="exch_bonds", currency_profit="EUR", profit_to_account=None, currency_margin="USD")
    assert missing(unchecked) == "face_value"


@pytest.mark.parametrize(
    ("tick_value", "serves"),
    [("0.79", True), ("0.7979", True), ("0.7980", False), ("0.7821", True), ("0.7820", False), ("7.9", False)],
)
def test_the_tick_value_agrees_with_the_contract_within_one_percent(*, tick_value: str, serves: bool) -> None:
    found = published_terms(gold(tick_value=tick_value), account(), "buy")

    assert isinstance(found, LotTerms) is serves


def test_the_profit_rate_is_the_margins_where_the_currencies_are_the_same() -> None:
    assert missing(gold(tick_value="7.9", profit_to_account=None), account()) == "tick_value"
    assert (
        missing(gold(tick_value="0.79", profit_to_account="0.079", margin_to_account="0.79"), account()) == "tick_value"
    )


def test_where_no_profit_rate_is_given_the_tick_value_is_believed() -> None:
    unknown = gold(tick_value="7.9", profit_to_account=None, currency_profit="EUR")

    assert terms(unknown, account()).loss_rate == 790


def test_a_profit_in_the_accounts_own_currency_has_the_rate_1_whatever_is_given() -> None:
    assert missing(gold(tick_value="0.79", profit_to_account="0.79")) == "tick_value"
    assert terms(gold(tick_value="1", profit_to_account="0.79")).loss_rate == 100


def test_pence_are_a_hundredth_of_a_pound() -> None:
    share = gold(
        calc_mode="exch_stocks",
        contract_size="1",
        tick_size="1",
        tick_value="0.01",
        currency_profit="GBX",
        currency_margin="GBX",
        profit_to_account=None,
        margin_to_account=None,
    )

    assert margin(share, "250", account()) == Fraction("2.5")
    assert published_terms(share.model_copy(update={"tick_value": Decimal(1)}), account(), "buy") != terms(
        share, account()
    )
    assert missing(share.model_copy(update={"tick_value": Decimal(1)}), account()) == "tick_value"


def test_a_profit_in_pence_is_a_hundredth_though_nothing_converts_it() -> None:
    # 1 share × 1 penny = 0.01 pounds a tick; the margin's dollars say nothing of pence.
    share = {"contract_size": "1", "tick_size": "1", "currency_profit": "GBX", "profit_to_account": None}

    assert terms(gold(tick_value="0.01", **share), account()).loss_rate == Fraction("0.01")
    assert missing(gold(tick_value="1", **share), account()) == "tick_value"


def test_a_pound_pair_on_a_pence_account_loses_a_hundred_pence_a_pound_at_the_stop() -> None:
    pence = account(currency="GBX")
    pair = gold(calc_mode="forex", contract_size="100000", currency_base="GBP", profit_to_account=None, tick_value="79")

    loss = terms(pair.model_copy(update={"margin_to_account": None, "currency_margin": "GBP"}), pence).loss(
        SizedPrices(Fraction("1.30"), Fraction("1.25"))
    )

    assert loss == 400_000  # 0.05 × 100,000 / 1.25 × 100


def test_commission_is_lost_with_every_lot() -> None:
    prices = SizedPrices(Fraction(1950), Fraction(1945))

    assert terms(spec(commission_per_lot="7")).loss(prices) == 507  # 5 / 0.01 × 1 + 7


def test_only_forex_in_the_accounts_own_base_currency_converts_at_the_stop() -> None:
    euros = account(currency="EUR")
    pair = {"currency_base": "EUR", "profit_to_account": None, "tick_value": "0.8", "margin_to_account": "0.8"}

    assert terms(gold(calc_mode="forex", **pair), euros).at_stop
    assert terms(gold(calc_mode="forex_no_leverage", **pair), euros).at_stop
    assert not terms(gold(calc_mode="cfd", **pair), euros).at_stop
    assert not terms(gold(calc_mode="forex"), account()).at_stop
    assert not terms(gold(calc_mode="forex", currency_base="USD", tick_value="1"), DOLLARS).at_stop


def test_the_loss_at_the_stop_counts_the_commission_unconverted() -> None:
    pair = gold(
        calc_mode="forex",
        currency_base="EUR",
        contract_size="100000",
        commission_per_lot="7",
        tick_value="800",
        profit_to_account=None,
        margin_to_account="0.8",
    )

    loss = terms(pair, account(currency="EUR")).loss(SizedPrices(Fraction("1.30"), Fraction("1.25")))

    assert loss == 4_007  # 0.05 × 100,000 / 1.25 + 7


@pytest.mark.parametrize(
    ("changes", "price", "leverage", "expected"),
    [
        # 1 lot EURUSD at 1:100 = 1,000 EUR; in dollars × 1.2790, times the margin rate 1.15 = 1,470.85.
        ({"calc_mode": "forex", "contract_size": "100000", "currency_margin": "USD"}, "1.2790", 100, "1000"),
        (
            {
                "calc_mode": "forex",
                "contract_size": "100000",
                "currency_margin": "EUR",
                "margin_to_account": "1.2790",
                "margin_rate_buy": "1.15",
            },
            "1.2790",
            100,
            "1470.85",
        ),
        # An oil CFD: 1 lot × 100 barrels × 80 dollars.
        ({"calc_mode": "cfd", "contract_size": "100"}, "80", 100, "8000"),
    ],
)
def test_margin_examples_that_metatrader_publishes(
    changes: dict[str, str], price: str, leverage: int, expected: str
) -> None:
    size = Decimal(changes["contract_size"])
    published = gold(**({"margin_to_account": None, "tick_value": size / 100, "margin_rate_buy": None} | changes))

    assert margin(published, price, account(currency="USD", leverage=leverage)) == Fraction(expected)
