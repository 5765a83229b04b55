"""The account of a snapshot: what may be left out, and the digits of its currency."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import instruments, snapshot


def account(**fields: Any) -> Any:
    return snapshot(user_id="u-1", login=7, account=fields).account


def test_hedging_and_trading_are_what_an_account_has_unless_told() -> None:
    assert (account().margin_mode, account().trade_allowed) == ("hedging", True)


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("USD", 2), ("EUR", 2), ("GBP", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("BHD", 3), ("HUF", 2), ("USDT", 2)],
)
def test_money_has_the_digits_of_its_currency_by_iso_4217_else_two(currency: str, digits: int) -> None:
    assert account(currency=currency).digits == digits


def test_the_bridge_may_tell_the_digits() -> None:
    assert account(currency="JPY", currency_digits=2).digits == 2


def test_told_digits_of_zero_are_told() -> None:
    assert account(currency="USD", currency_digits=0).digits == 0


def test_an_account_without_leverage_is_an_account() -> None:
    assert account(leverage=0).leverage == 0


def test_balances_may_be_negative() -> None:
    read = snapshot(user_id="u-1", login=7, balance="-1.00", equity="-2.00", margin_free="-3.00")

    assert [str(read.balance), str(read.equity), str(read.margin_free)] == ["-1.00", "-2.00", "-3.00"]


def test_instruments_are_left_unread_so_that_each_can_be_refused_alone() -> None:
    assert instruments(user_id="u-1", login=7, specs=[{"what": "ever"}, {}]).instruments == ({"what": "ever"}, {})
