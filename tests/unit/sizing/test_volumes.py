"""Rules 2, 5, 6 and 8: from a budget to lots."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from shared.schemas.sizing import SizingDecision
from tests.builders import decimals
from tests.unit.sizing.examples import account, candidate, codes, dial, gold, one_entry, reply, request, situation

PENNY = {"contract_size": "1", "tick_value": "0.0079"}
"""One lot loses 3.95 on the example's 5 dollars: budgets of 750, 525 and 225 buy 189.87, 132.91 and 56.96 lots."""


def sized(*, margin_free: str = "1e9", on_insufficient_margin: str = "reject", **changes: Any) -> SizingDecision:
    """The contract's request on its account, with changes to the spec."""
    held = account(margin_free=Decimal(margin_free))
    asked = request(on_insufficient_margin=on_insufficient_margin)
    return reply(asked, situation(candidate(held, gold(**changes))))


def lots(answer: SizingDecision) -> list[tuple[str, str]]:
    """Each entry's volume as it is told, and what decided it."""
    return [(format(position.volume, "f"), position.binding_limit) for position in answer.positions]


def test_a_volume_is_rounded_down_to_the_step_and_told_with_its_digits() -> None:
    # 1.898…, 1.329… and 0.569… lots.
    assert lots(sized()) == [("1.89", "risk"), ("1.32", "risk"), ("0.56", "risk")]
    assert lots(sized(volume_step="0.10")) == [("1.8", "risk"), ("1.3", "risk"), ("0.5", "risk")]
    assert lots(sized(volume_step="0.25")) == [("1.75", "risk"), ("1.25", "risk"), ("0.50", "risk")]
    assert lots(sized(volume_step="1.0")) == [("1", "risk"), ("1", "risk"), ("0", "volume_min")]
    tens = sized(volume_step="1e1", volume_max="1000", **PENNY)
    assert lots(tens) == [("180", "risk"), ("130", "risk"), ("50", "risk")]


def test_an_entry_below_the_minimum_is_left_out_and_nothing_moves_to_the_others() -> None:
    answer = sized(volume_min="1")

    assert lots(answer) == [("1.89", "risk"), ("1.32", "risk"), ("0.00", "volume_min")]
    left_out = answer.positions[2]
    assert format(left_out.stop_loss_amount, "f") == "0.00"
    assert format(left_out.margin_required, "f") == "0.00"
    assert left_out.risk_budget == 225
    assert answer.summary.total_volume == Decimal("3.21")


def test_a_volume_at_the_minimum_is_kept() -> None:
    assert lots(sized(volume_min="0.56"))[2] == ("0.56", "risk")
    assert lots(sized(volume_min="0.57"))[2] == ("0.00", "volume_min")


def test_no_order_is_above_the_maximum() -> None:
    assert lots(sized(volume_max="1.5")) == [("1.50", "volume_max"), ("1.32", "risk"), ("0.56", "risk")]
    assert lots(sized(volume_max="1.255")) == [("1.25", "volume_max"), ("1.25", "volume_max"), ("0.56", "risk")]


def test_a_maximum_below_one_step_leaves_everything_out() -> None:
    assert codes(sized(volume_min="0.001", volume_max="0.009")) == ["below_minimum_volume"]


def test_a_sum_above_the_limit_is_cut_from_the_last_entry() -> None:
    # 1.89 + 1.32 + 0.56 = 3.77.
    assert lots(sized(volume_limit="3.77")) == [("1.89", "risk"), ("1.32", "risk"), ("0.56", "risk")]
    assert lots(sized(volume_limit="3.5")) == [("1.89", "risk"), ("1.32", "risk"), ("0.29", "volume_limit")]
    assert lots(sized(volume_limit="3.495")) == [("1.89", "risk"), ("1.32", "risk"), ("0.28", "volume_limit")]
    assert lots(sized(volume_limit="3.21")) == [("1.89", "risk"), ("1.32", "risk"), ("0.00", "volume_limit")]
    answer = sized(volume_limit="2")
    assert lots(answer) == [("1.89", "risk"), ("0.11", "volume_limit"), ("0.00", "volume_limit")]
    # 395.00 a lot, and 100 × price / 100 × 0.79 of margin.
    assert [position.stop_loss_amount for position in answer.positions] == decimals("746.55", "43.45", "0")
    assert [position.margin_required for position in answer.positions] == decimals("2911.55", "169.29", "0")


def test_what_the_limit_leaves_below_the_minimum_is_left_out() -> None:
    answer = sized(volume_limit="3.5", volume_min="0.3")

    assert lots(answer) == [("1.89", "risk"), ("1.32", "risk"), ("0.00", "volume_min")]


def test_a_limit_below_the_minimum_leaves_everything_out() -> None:
    answer = sized(volume_limit="0.2", volume_min="0.3")

    assert codes(answer) == ["below_minimum_volume"]
    assert "at most 0.2 lots" in answer.reasons[0].message


def test_one_entry_risks_the_first_share_only() -> None:
    answer = reply(one_entry("1950", "1945"), situation(candidate(account(), gold())))

    assert answer.summary.allocated_risk_amount == 1500
    assert answer.positions[0].risk_budget == 750
    assert answer.summary.risk_used_percent == Decimal("49.77")


def test_each_entrys_budget_is_rounded_down_to_the_currency() -> None:
    held = account(balance=Decimal("33333.33"), currency_digits=0)
    answer = reply(request(), situation(candidate(held, gold())))

    # 3 % is 999.9999: halves of 499.99, 349.99 and 149.99.
    assert [format(position.risk_budget, "f") for position in answer.positions] == ["499", "349", "149"]
    assert format(answer.summary.allocated_risk_amount or 0, "f") == "999"


def test_the_rounded_budget_is_what_is_divided() -> None:
    # Half of 3 % of 79.99 is 1.19985: with 0.79 a lot and no decimals 1 lot, from 1.19985 it would be 1.51 of 0.79.
    held = account(balance=Decimal("79.99"), currency_digits=0)
    answer = reply(one_entry("1950", "1949"), situation(candidate(held, gold(**{**PENNY, "volume_step": "0.01"}))))

    assert answer.positions[0].volume == Decimal("1.26")  # 1 / 0.79 = 1.2658


def test_prices_off_the_grid_are_sized_at_the_grid_price_that_widens_the_distance() -> None:
    held = candidate(account(), gold(tick_size="0.5", tick_value="39.5"))

    buy = reply(one_entry("1949.7", "1945.3"), situation(held)).positions[0]
    sell = reply(one_entry("1945.3", "1949.7", side="sell"), situation(held)).positions[0]

    assert buy.loss_per_lot == sell.loss_per_lot == 395  # 1950 to 1945
    assert (buy.entry_price, buy.stop_loss) == (Decimal("1949.7"), Decimal("1945.3"))
    assert buy.margin_required == Decimal("2911.55")  # 1.89 × 1950 × 0.79 = 2911.545, up
    assert sell.margin_required == Decimal("2904.08")  # 1.89 × 1945 × 0.79 = 2904.0795, up


def test_the_prices_of_the_reply_are_the_prices_of_the_request() -> None:
    asked = request(entries=[{"entry_price": 1950.5, "stop_loss": "1.945e3", "take_profit": "1960.000"}])

    document = reply(asked, situation(candidate(account(), gold()))).to_json().decode()

    assert '"entry_price":"1950.5","stop_loss":"1945","take_profit":"1960.000"' in document


def test_where_margin_is_short_a_setup_shrinks_once_to_what_the_buffer_leaves() -> None:
    # 5,803.8298 needed, 5,000 free, 4,000 usable: 1.89, 1.32 and 0.56 × 0.68920… = 1.302, 0.909 and 0.385.
    answer = sized(margin_free="5000", on_insufficient_margin="shrink")

    assert lots(answer) == [("1.30", "margin"), ("0.90", "margin"), ("0.38", "margin")]
    assert answer.summary.total_margin_required == Decimal("3971.87")
    assert answer.summary.margin_after == Decimal("1028.13")
    # 395.00 a lot: 1.30, 0.90 and 0.38 lots, 2.58 in all.
    assert [position.stop_loss_amount for position in answer.positions] == decimals("513.50", "355.50", "150.10")
    assert answer.summary.total_stop_loss_amount == Decimal("1019.10")


def test_a_buffer_that_is_broken_shrinks_too() -> None:
    answer = sized(margin_free="6000", on_insufficient_margin="shrink")

    assert [name for _, name in lots(answer)] == ["margin", "margin", "margin"]


def test_a_setup_whose_margin_is_there_does_not_shrink() -> None:
    assert lots(sized(on_insufficient_margin="shrink")) == lots(sized())


def test_what_shrinks_below_the_minimum_is_left_out() -> None:
    answer = sized(margin_free="5000", on_insufficient_margin="shrink", volume_min="0.5")

    assert lots(answer) == [("1.30", "margin"), ("0.90", "margin"), ("0.00", "volume_min")]


def test_a_left_out_entry_keeps_its_reason_when_the_others_shrink() -> None:
    answer = sized(margin_free="5000", on_insufficient_margin="shrink", volume_limit="3.21")

    assert lots(answer)[2] == ("0.00", "volume_limit")


@pytest.mark.parametrize(
    ("margin_free", "code"),
    [("20", "insufficient_margin"), ("0", "insufficient_margin"), ("-5", "insufficient_margin")],
)
def test_where_shrinking_leaves_nothing_the_rules_own_code_answers(margin_free: str, code: str) -> None:
    answer = sized(margin_free=margin_free, on_insufficient_margin="shrink", volume_min="0.1")

    assert codes(answer) == [code]
    assert answer.summary.total_volume == Decimal("3.77")


def test_where_shrinking_to_the_buffer_leaves_nothing_the_code_is_the_buffers() -> None:
    # One entry of the minimum: any shrinking leaves it out.
    held = candidate(account(margin_free=Decimal(3000)), gold(volume_min="1.89"))
    asked = one_entry("1950", "1945", on_insufficient_margin="shrink")

    assert codes(reply(asked, situation(held))) == ["margin_buffer"]


def test_yen_are_told_without_decimals() -> None:
    held = account(currency="JPY", currency_digits=0, balance=Decimal(5_000_000), margin_free=Decimal(5_000_000))
    spec = gold(tick_value="150", profit_to_account="150", margin_to_account="150")

    answer = reply(one_entry("1950", "1945"), situation(candidate(held, spec)))

    # 75,000 at 75,000 a lot: 1.00; 100 × 1950 / 100 × 150 = 292,500 of margin.
    assert format(answer.positions[0].stop_loss_amount, "f") == "75000"
    assert format(answer.positions[0].margin_required, "f") == "292500"


def test_percents_are_told_without_trailing_zeros() -> None:
    held = candidate(account(), gold(tick_value="0.75", profit_to_account="0.75"))
    document = reply(one_entry("1950", "1945"), situation(held, configuration=dial("2.50"))).to_json().decode()

    # 625 at 375 a lot: 1.66 lots lose 622.50, 1.245 % of 50,000 and 49.8 % of 1,250.
    assert '"global_risk_percent":"2.5"' in document
    assert '"total_stop_loss_percent":"1.25"' in document
    assert '"risk_used_percent":"49.8"' in document


def test_a_volume_that_is_exactly_the_maximum_was_decided_by_the_risk() -> None:
    # 750 at 375 a lot are 2 lots.
    exact = {"tick_value": "0.75", "profit_to_account": "0.75"}

    assert lots(sized(volume_max="2", **exact))[0] == ("2.00", "risk")
    assert lots(sized(volume_max="1.99", **exact))[0] == ("1.99", "volume_max")


def test_the_total_volume_is_told_with_the_digits_of_the_step() -> None:
    assert format(sized(volume_step="0.10").summary.total_volume or 0, "f") == "3.6"
    assert format(sized(volume_step="0.001").summary.total_volume or 0, "f") == "3.796"


def test_the_finest_step_that_a_message_carries_has_38_places() -> None:
    # 3 % of 1,000 is 30, half of it 15: 15 / 395 = 0.0379746835443….
    held = candidate(account(balance=Decimal(1_000)), gold(volume_min="1e-38", volume_step="1e-38"))

    answer = reply(one_entry("1950", "1945"), situation(held))

    assert format(answer.positions[0].volume, "f") == "0.03797468354430379746835443037974683544"
    assert SizingDecision.model_validate_json(answer.to_json()) == answer


def test_a_figure_of_38_digits_is_told_and_of_39_is_refused() -> None:
    # 36 digits before the point and 2 behind it are what a message carries.
    longest, longer = "9" * 36 + ".99", "1" + "0" * 36

    answer = sized(margin_free=longest)
    assert format(answer.summary.margin_available or 0, "f") == longest

    refused = sized(margin_free=longer)
    assert codes(refused) == ["instrument_inconsistent"]
    assert refused.summary.model_dump(exclude_none=True) == {"global_risk_percent": 3}
    assert SizingDecision.model_validate_json(refused.to_json()) == refused


def test_a_refusal_whose_figures_are_too_long_keeps_its_own_reason() -> None:
    answer = sized(margin_free="1" + "0" * 36, volume_min="40")

    assert codes(answer) == ["below_minimum_volume"]
    assert sized(margin_free="-1" + "0" * 36).summary.margin_available is None
    assert codes(sized(margin_free="-1" + "0" * 36)) == ["insufficient_margin"]


def test_a_figure_of_39_digits_below_zero_is_not_told() -> None:
    # After 5,803.8298 the margin is −10³⁶ and 1.02 pennies more, or 0.02, which rounds down to the 39 digits of −10³⁶.
    told, untold = (sized(margin_free="-" + "9" * 32 + whole) for whole in ("4196.16", "4196.17"))

    assert format(told.summary.margin_after or 0, "f") == "-" + "9" * 36 + ".99"
    assert untold.summary.margin_after is None
    assert codes(told) == codes(untold) == ["insufficient_margin"]


def test_less_than_one_unit_of_money_is_a_basis_too() -> None:
    # 3 % of 0.60 is 0.018, half of it 0.009: a budget of 0.00 for a currency with two digits, 0.009 with three.
    pennies = account(balance=Decimal("0.60"), currency_digits=3)
    small = gold(contract_size="0.01", tick_value="0.000079")

    answer = reply(one_entry("1950", "1945"), situation(candidate(pennies, small)))

    assert answer.positions[0].volume == Decimal("0.22")  # 0.009 / 0.0395 = 0.2278


def test_a_sell_binds_what_the_broker_asks_of_sells() -> None:
    held = candidate(account(), gold(margin_rate_buy="1", margin_rate_sell="2"))

    answer = reply(one_entry("1950", "1955", side="sell"), situation(held))

    assert answer.positions[0].margin_required == Decimal("5823.09")  # 1.89 × 1950 × 0.79 × 2
