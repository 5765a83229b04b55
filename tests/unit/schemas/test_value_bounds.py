"""The bounds of logins, leverages and currency codes; and what every message has in common."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ConfigDict, TypeAdapter, ValidationError

from shared.schemas.account import AccountKey
from shared.schemas.values import Currency, Leverage, Login, Text, parse_time
from tests import builders

STRICT = ConfigDict(strict=True)
LOGIN: TypeAdapter[int] = TypeAdapter(Login, config=STRICT)
LEVERAGE: TypeAdapter[int] = TypeAdapter(Leverage, config=STRICT)
CURRENCY: TypeAdapter[str] = TypeAdapter(Currency, config=STRICT)
TEXT: TypeAdapter[str] = TypeAdapter(Text, config=STRICT)


@pytest.mark.parametrize("login", [1, 9_223_372_036_854_775_807])
def test_a_login_may_be_as_large_as_the_databases_largest_number(login: int) -> None:
    assert LOGIN.validate_python(login) == login


@pytest.mark.parametrize("login", [0, -1, 9_223_372_036_854_775_808])
def test_a_login_outside_is_refused(login: int) -> None:
    with pytest.raises(ValidationError):
        LOGIN.validate_python(login)


@pytest.mark.parametrize("leverage", [0, 1, 2_147_483_647])
def test_a_leverage_may_be_none_at_all(leverage: int) -> None:
    assert LEVERAGE.validate_python(leverage) == leverage


@pytest.mark.parametrize("leverage", [-1, 2_147_483_648])
def test_a_leverage_outside_is_refused(leverage: int) -> None:
    with pytest.raises(ValidationError):
        LEVERAGE.validate_python(leverage)


@pytest.mark.parametrize("code", ["", "X", "X" * 13, "usd", "US-30", "USD\n"])
def test_what_is_no_code_of_an_asset_is_refused(code: str) -> None:
    with pytest.raises(ValidationError):
        CURRENCY.validate_python(code)


@pytest.mark.parametrize("text", ["", "NFP: half the risk\nuntil Monday", "x" * 500])
def test_a_text_may_be_empty_and_have_lines(text: str) -> None:
    assert TEXT.validate_python(text) == text


def test_a_time_in_other_digits_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match=r"^must be an RFC 3339 time"):
        parse_time("2026-11-22T14:00:0٣Z")


def test_a_message_that_was_read_cannot_be_changed() -> None:
    key: Any = AccountKey(login=1, server="s")

    with pytest.raises(ValidationError, match=r"frozen"):
        key.login = 2

    assert key.login == 1


@pytest.mark.parametrize("login", ["1", 1.0, True])
def test_nothing_is_taken_for_a_number_that_is_none(login: object) -> None:
    with pytest.raises(ValidationError):
        AccountKey.model_validate({"login": login, "server": "s"})


def test_a_message_keeps_its_times_and_decimals_until_it_is_written() -> None:
    captured_at = datetime(2026, 11, 22, 14, tzinfo=UTC)
    read = builders.snapshot(user_id="u-1", login=7, balance="5.00", captured_at="2026-11-22T14:00:00Z")

    assert (read.model_dump()["captured_at"], read.model_dump()["balance"]) == (captured_at, Decimal("5.00"))
    written = read.model_dump(mode="json")
    assert (written["captured_at"], written["balance"]) == ("2026-11-22T14:00:00.000Z", "5.00")
