"""What a currency costs in the account's."""

from __future__ import annotations

from decimal import Decimal

import pytest

from examples.ea_bridge.rates import Quote, cost
from examples.ea_bridge.snapshot import exact
from tests.terminals import symbol


def quote(base: str, profit: str, bid: str, ask: str) -> Quote:
    return Quote(base, profit, Decimal(bid), Decimal(ask))


USDJPY = quote("USD", "JPY", "111.380", "111.387")
USDCAD = quote("USD", "CAD", "1.41954", "1.41972")
EURUSD = quote("EUR", "USD", "1.09137", "1.09152")


def test_a_currency_is_bought_at_the_ask() -> None:
    assert cost("EUR", into="USD", quotes=[EURUSD]) == Decimal("1.09152")


def test_an_inverted_quote_is_taken_at_its_bid_and_rounded_against_the_account() -> None:
    assert cost("JPY", into="USD", quotes=[USDJPY]) == Decimal("0.0089782725803555396")
    assert cost("JPY", into="USD", quotes=[USDJPY]) > 1 / Decimal("111.380")  # type: ignore[operator]


def test_a_straight_quote_goes_before_an_inverted_one() -> None:
    assert cost("EUR", into="USD", quotes=[quote("USD", "EUR", "0.5", "0.6"), EURUSD]) == Decimal("1.09152")


def test_of_several_quotes_the_dearest_is_taken() -> None:
    assert cost("EUR", into="USD", quotes=[EURUSD, quote("EUR", "USD", "1.0", "1.2")]) == Decimal("1.2")


def test_the_same_currency_needs_no_rate() -> None:
    assert cost("USD", into="USD", quotes=[EURUSD]) is None


@pytest.mark.parametrize("quotes", [[], [USDJPY], [quote("EUR", "USD", "0", "0")]])
def test_where_no_priced_quote_joins_them_there_is_no_rate(quotes: list[Quote]) -> None:
    assert cost("EUR", into="USD", quotes=quotes) is None


@pytest.mark.parametrize(
    ("number", "account", "quotes"),
    [
        ("S01", "USD", [USDJPY]),
        ("S02", "USD", [USDCAD]),
        ("S03", "EUR", [EURUSD]),
    ],
)
def test_the_rate_is_the_one_that_the_terminals_own_tick_value_holds(
    number: str, account: str, quotes: list[Quote]
) -> None:
    info = symbol(number)
    rate = cost(info.currency_profit, into=account, quotes=quotes)
    assert rate is not None
    computed = exact(info.trade_contract_size) * exact(info.trade_tick_size) * rate
    assert computed == pytest.approx(exact(info.trade_tick_value_loss), rel=Decimal("1e-9"))
