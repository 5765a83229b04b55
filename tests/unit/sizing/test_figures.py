"""What a decision tells beyond its lots: the exact figures behind them, and until when it holds its margin."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction

import pytest

from shared.schemas.values import format_time
from shared.sizing.configuration import Rules
from shared.sizing.conversion import Conversion
from shared.sizing.decision import decide
from shared.sizing.instruments import LotTerms
from shared.sizing.margin import LotMargin
from shared.sizing.prices import SizedPrices
from shared.sizing.verdict import EntryFigures
from shared.sizing.volumes import STANDARD_BOUNDS, Volume, shrunk
from tests.unit.sizing.examples import account, candidate, gold, one_entry, reply, request, situation


def test_an_entry_keeps_every_step_from_its_prices_to_its_lots() -> None:
    # 750 / 395 are 1.8987 lots; 1.89 by the step, 1.50 by the limit, 1.03 by the margin.
    held = account(margin_free=Decimal(2000))
    asked = one_entry("1950", "1945", on_insufficient_margin="shrink")

    setup = decide(asked, situation(candidate(held, gold(volume_limit="1.5")))).verdict.setup

    # 1.50 lots need 1.5 × 1950 × 0.79 = 2,310.75, and 80 % of 2,000 is 1,600: 1.5 × 1600 / 2310.75 = 1.0386….
    assert setup is not None
    assert setup.entries == (
        EntryFigures(
            prices=SizedPrices(Fraction(1950), Fraction(1945)),
            terms=LotTerms(
                Fraction(79),
                at_stop=False,
                commission=Fraction(0),
                margin=LotMargin(Fraction("0.79"), times_price=True),
            ),
            budget=Fraction(750),
            loss_per_lot=Fraction(395),
            margin_per_lot=Fraction("1540.5"),
            unrounded=Fraction(750, 395),
            fitted=Volume(Fraction("1.89"), "risk"),
            limited=Volume(Fraction("1.5"), "volume_limit"),
            volume=Volume(Fraction("1.03"), "margin"),
            loss=Fraction("406.85"),
            margin=Fraction("1586.715"),
        ),
    )


def test_the_catalogues_terms_name_the_rates_that_they_were_converted_by() -> None:
    asked = one_entry("1.0852", "1.0802", instrument="EURUSD", conversion_rates={"GBPUSD": "1.25"})

    setup = decide(asked, situation(candidate(account()))).verdict.setup

    assert setup is not None
    assert setup.bounds == STANDARD_BOUNDS
    terms = setup.entries[0].terms
    assert terms.loss_conversion == Conversion(Fraction("0.8"), ("1/GBPUSD",))
    assert terms.margin_conversion == Conversion(Fraction("0.86816"), ("EURUSD", "1/GBPUSD"))  # 1.0852 × 0.8
    assert (terms.loss_rate, terms.margin) == (Fraction(80_000), LotMargin(Fraction("868.16"), times_price=False))


def test_a_decision_whose_figures_are_too_long_keeps_none_of_them() -> None:
    held = candidate(account(margin_free=Decimal("1" + 36 * "0")), gold())

    decision = decide(request(), situation(held))

    assert [reason.code for reason in decision.verdict.reasons] == ["instrument_inconsistent"]
    assert (decision.account, decision.spec) == (held.account, held.spec)
    assert (decision.verdict.budget, decision.verdict.setup, decision.verdict.margin) == (None, None, None)


@pytest.mark.parametrize("factor", [Fraction(0), Fraction(-1, 2)])
def test_where_no_margin_may_be_used_every_volume_is_nothing_for_want_of_margin(factor: Fraction) -> None:
    volumes = (Volume(Fraction("1.89"), "risk"), Volume(Fraction(0), "volume_min"))

    assert shrunk(volumes, factor, STANDARD_BOUNDS) == (Volume(Fraction(0), "margin"), Volume(Fraction(0), "margin"))


def test_where_approvals_hold_nothing_they_do_not_end() -> None:
    answer = reply(request(), situation(candidate(account(), gold()), rules=Rules(reservation_s=None)))

    assert answer.status == "approved"
    assert answer.reservation_expires_at is None


@pytest.mark.parametrize("margin_free", [Decimal(43500), Decimal(10)], ids=["approved", "rejected"])
def test_what_is_kept_beside_a_reply_is_what_its_bytes_say(margin_free: Decimal) -> None:
    answer = decide(request(), situation(candidate(account(margin_free=margin_free), gold()))).answer

    told = json.loads(answer.body)
    assert answer.status == told["status"]
    assert list(answer.volumes) == [position["volume"] for position in told["positions"]]
    assert answer.totals._asdict() == told["summary"]
    end = answer.reservation_expires_at
    assert (end and format_time(end)) == told["reservation_expires_at"]
