"""Another percent: what changes, and what adds up."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from shared.sizing.decision import ENGINE_VERSION, decide
from shared.sizing.record import Inputs
from shared.sizing.simulation import Tally, simulated
from tests.unit.sizing.examples import account, candidate, gold, request, situation

GIVEN = situation(candidate(account(), gold()))
INPUTS = Inputs(ENGINE_VERSION, request(), GIVEN, {})


def test_half_the_percent_is_half_the_budget() -> None:
    reply = simulated(INPUTS, Decimal("1.5"))

    assert reply.summary.allocated_risk_amount == Decimal("750.00")
    # 375 / 395, 262.50 / 395 and 112.50 / 395, rounded down
    assert [position.volume for position in reply.positions] == [Decimal("0.94"), Decimal("0.66"), Decimal("0.28")]


def test_the_same_percent_is_the_same_reply() -> None:
    assert simulated(INPUTS, Decimal(3)).to_json() == decide(request(), GIVEN).reply.to_json()


def test_approvals_add_up_by_currency_and_refusals_by_code() -> None:
    tally, other = Tally(), Tally()
    tally.count(decide(request(), GIVEN).reply)
    other.count(decide(request(), GIVEN).reply)
    other.count(decide(request(), situation()).reply)
    tally.merge(other)

    assert (tally.decisions, tally.approved) == (3, 2)
    assert tally.refused == {"account_not_found": 1}
    assert tally.lots == Fraction("7.54")  # 2 × 3.77
    assert tally.at_risk == {"GBP": Fraction("2978.30")}  # 2 × 1,489.15
    assert tally.margin == {"GBP": Fraction("11607.66")}  # 2 × 5,803.83
    assert tally.margin_use / tally.approved == Fraction("0.133421")  # 5,803.83 / 43,500
    assert tally.risk_percents == {Decimal(3)}
