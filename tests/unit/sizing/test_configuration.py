"""What decisions obey: what the dial admits, to the last digit, and for how long a spec serves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.sizing.examples import CAPTURED_AT, account, candidate, codes, dial, gold, reply, request, situation


@pytest.mark.parametrize("percent", ["0.1", "50"])
def test_a_risk_percent_on_its_bounds_is_admitted(percent: str) -> None:
    assert str(dial(percent).risk_percent) == percent


@pytest.mark.parametrize("percent", ["0.0999999999999999999999999999999", "50.0000000000000000000000000001", "-3"])
def test_a_risk_percent_outside_is_not(percent: str) -> None:
    with pytest.raises(ValueError, match=r"^risk_percent must be between 0\.1 and 50$"):
        dial(percent)


@pytest.mark.parametrize("percent", ["0", "0.5", "99.9999999999999999999999999999"])
def test_a_margin_buffer_on_its_bounds_is_admitted(percent: str) -> None:
    assert str(dial(buffer_percent=percent).margin_buffer_percent) == percent


@pytest.mark.parametrize("percent", ["-0.0000000000000000000000000001", "100"])
def test_a_margin_buffer_outside_is_not(percent: str) -> None:
    with pytest.raises(ValueError, match=r"^margin_buffer_percent must be at least 0 and below 100$"):
        dial(buffer_percent=percent)


@pytest.mark.parametrize(
    "splits",
    [
        pytest.param(("1.2", "0.3", "-0.5"), id="they sum to 1, but one is below 0"),
        pytest.param(("0.6", "0.4", "0"), id="they sum to 1, but one is 0"),
        pytest.param(("0.5", "0.3", "0.1"), id="each is above 0, but they sum to 0.9"),
        # At a decimal context's 28 digits these would sum to 1.
        pytest.param(("0.5", "0.4", "0.1000000000000000000000000000000000001"), id="a little more than 1"),
    ],
)
def test_splits_must_each_be_above_zero_and_sum_to_one(splits: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match=r"^entry_splits must each be above 0 and sum to 1$"):
        dial(splits=splits)


@pytest.mark.parametrize(
    ("age", "reasons"),
    [(timedelta(hours=24) - timedelta(microseconds=1), []), (timedelta(hours=24), ["instrument_stale"])],
)
def test_a_spec_serves_for_a_day_where_the_operator_says_nothing_else(age: timedelta, reasons: list[str]) -> None:
    now = CAPTURED_AT + age
    held = candidate(account(captured_at=now), gold())  # the account has just reported, its spec has not

    assert codes(reply(request(), situation(held, now=now))) == reasons
