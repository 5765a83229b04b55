"""Figures that somebody else published: position sizes with their answers, and specifications of real symbols."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from shared.schemas.reasons import Reason
from shared.sizing.instruments import LotTerms, published_terms
from shared.sizing.margin import tick_worth
from shared.sizing.volumes import fitted, published_bounds
from tests.unit.sizing.examples import account, candidate, dial, gold, one_entry, reply, situation

FIXTURES = Path(__file__).parents[2] / "fixtures"
CASES: list[dict[str, Any]] = json.loads((FIXTURES / "sizing_cases.json").read_text())
SYMBOLS: list[dict[str, Any]] = json.loads((FIXTURES / "symbols.json").read_text())
MODES = {
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


def having(*fields: str) -> list[Any]:
    """The symbols whose row has all of these fields."""
    return [pytest.param(row, id=row["id"]) for row in SYMBOLS if all(field in row for field in fields)]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_a_published_case_gets_its_lots(case: dict[str, Any]) -> None:
    """Entry 1 has half of the budget, so that twice the balance makes the source's budget.

    A rate of the form 1 / r is a pair that the account's currency is the base of, stopped at r: only there is such a
    rate exact, since a spec's own figures are decimals.
    """
    held = account(currency="CHF", balance=2 * Decimal(case["balance"]), margin_free=Decimal(10**9))
    per_unit = Decimal(case["profit_ccy_per_1_price_unit_per_lot"]) * Decimal(case["conv_num"]) * case["units"]
    converts = case["conv_den"] != "1"
    spec = gold(
        calc_mode="forex" if converts else "cfd",
        contract_size=per_unit,
        tick_size="0.00001",
        tick_value=per_unit / 100_000,
        currency_base="CHF",
        currency_profit="JPY",
        profit_to_account=None,
        commission_per_lot=case["commission_round_turn_per_lot"],
        volume_min=case["volume_step"],
        volume_max=case["volume_max"] or "1000000",
        volume_step=case["volume_step"],
    )
    stop = Decimal(case["conv_den"]) if converts else Decimal(1)
    asked = one_entry(str(stop + Decimal(case["stop_distance"])), str(stop))

    answer = reply(asked, situation(candidate(held, spec), configuration=dial(case["risk_pct"])))

    position = answer.positions[0]
    assert position.risk_budget == Decimal(case["budget"])
    assert position.volume == Decimal(case["expected_lots_floor"])
    assert abs(position.stop_loss_amount - Decimal(case["loss_at_stop"])) <= Decimal("0.01")
    assert position.stop_loss_amount <= position.risk_budget
    if case["published"] not in ("", case["expected_lots_floor"]):
        assert position.volume <= Decimal(case["published"])


def consistency(row: dict[str, Any]) -> LotTerms | Reason:
    """The row's tick value against its contract, profit being in the account's currency.

    A row without a mode is checked as a CFD: the check is the same for every mode but futures and bonds.
    """
    spec = gold(
        contract_size=row["contract"],
        tick_size=row["tick_size"],
        tick_value=row.get("tick_value_loss", row.get("tick_value_profit")),
        calc_mode=MODES[row["calc_mode"]] if "calc_mode" in row else "cfd",
        currency_profit=row["account_ccy"],
        currency_margin=row["account_ccy"],
    )
    return published_terms(spec, account(currency=row["account_ccy"]), "buy")


DOLLAR_TICKS = [
    param
    for param in having("contract", "tick_size", "tick_value_profit", "profit", "account_ccy")
    if param.values[0]["profit"] == param.values[0]["account_ccy"]
]


@pytest.mark.parametrize("row", DOLLAR_TICKS)
def test_the_tick_value_of_a_real_symbol_agrees_with_its_contract_save_for_the_one_that_contradicts_itself(
    row: dict[str, Any],
) -> None:
    found = consistency(row)

    if row["id"] == "S35":  # 0.5 × 0.01 = 0.005, and it says 0.01
        assert isinstance(found, Reason)
        assert (found.code, found.field) == ("instrument_inconsistent", "tick_value")
    else:
        assert isinstance(found, LotTerms)


@pytest.mark.parametrize("row", having("contract", "tick_size", "tick_value_loss", "profit", "account_ccy"))
def test_a_real_tick_value_is_the_contracts_at_the_rate_that_the_symbol_implies(row: dict[str, Any]) -> None:
    """The rate is the tick value for profits; that for losses is the other side of the spread, well within 1 %."""
    rate = Fraction(row["tick_value_profit"]) / (Fraction(row["contract"]) * Fraction(row["tick_size"]))
    rounded = Decimal(rate.numerator) / Decimal(rate.denominator)
    given = {"base": "currency_base", "profit": "currency_profit", "margin": "currency_margin"}
    spec = gold(
        calc_mode=MODES[row["calc_mode"]],
        contract_size=row["contract"],
        tick_size=row["tick_size"],
        tick_value=row["tick_value_loss"],
        profit_to_account=rounded,
        margin_to_account="1",
        **{name: row[field] for field, name in given.items() if field in row},
    )

    assert isinstance(published_terms(spec, account(currency=row["account_ccy"]), "buy"), LotTerms)
    assert tick_worth(spec) == Fraction(row["tick_value_loss"]) / Fraction(row["tick_size"])
    tenfold = spec.model_copy(update={"tick_value": spec.tick_value * 10})
    assert isinstance(published_terms(tenfold, account(currency=row["account_ccy"]), "buy"), Reason)


def test_the_euro_dollar_of_a_euro_account_implies_its_own_rate() -> None:
    row = next(row for row in SYMBOLS if row["id"] == "S03")

    # The tick value for profits is at the ask, that for losses at the bid: 1 / 1.09152 and 1 / 1.09137.
    assert abs(Decimal(row["tick_value_profit"]) - 1 / Decimal(row["ask"])) < Decimal("1e-9")
    assert abs(Decimal(row["tick_value_loss"]) - 1 / Decimal(row["bid"])) < Decimal("1e-9")


@pytest.mark.parametrize("row", having("vmin", "vmax", "vstep"))
def test_the_volumes_of_a_real_symbol_are_kept(row: dict[str, Any]) -> None:
    bounds = published_bounds(gold(volume_min=row["vmin"], volume_max=row["vmax"], volume_step=row["vstep"]))
    step, smallest, largest = Fraction(row["vstep"]), Fraction(row["vmin"]), Fraction(row["vmax"])

    assert fitted(smallest - step / 2, bounds).lots == 0
    assert fitted(smallest + step / 2, bounds).lots == smallest
    assert fitted(largest + step, bounds).lots == largest
    assert fitted(largest + step, bounds).binding_limit == "volume_max"


@pytest.mark.parametrize("row", having("calc_mode"))
def test_every_mode_of_a_real_symbol_is_known(row: dict[str, Any]) -> None:
    assert gold(calc_mode=MODES[row["calc_mode"]]).calc_mode == MODES[row["calc_mode"]]


@pytest.mark.parametrize("row", having("volume_limit"))
def test_the_limit_of_a_real_symbol_is_kept(row: dict[str, Any]) -> None:
    assert published_bounds(gold(volume_limit=row["volume_limit"])).limit == Fraction(row["volume_limit"])


def test_no_real_symbol_goes_unchecked() -> None:
    checks = (
        DOLLAR_TICKS,
        having("contract", "tick_size", "tick_value_loss", "profit", "account_ccy"),
        having("vmin", "vmax", "vstep"),
        having("calc_mode"),
        having("volume_limit"),
    )

    assert {param.id for check in checks for param in check} == {row["id"] for row in SYMBOLS}
