"""A decision explained reads as one would compute it by hand, and its arithmetic comes out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any
from uuid import UUID

import pytest

from shared.schemas.sizing import SizingRequest
from shared.sizing.decision import decide
from shared.sizing.explained import Explanation, Line, Section
from shared.sizing.explanation import explain
from shared.sizing.formulas import exact_text, shown
from shared.sizing.record import decode_record, encode_record, listed_reservation
from shared.sizing.situation import Situation
from tests.unit.sizing.examples import account, candidate, eurusd, gold, one_entry, request, situation
from tests.unit.sizing.sampling import samples

OTHER = UUID("11111111-2222-4333-8444-555555555555")
NUMBER = re.compile(r"(?<![\w.])\d+(\.\d+)?")


def explained(asked: SizingRequest, given: Situation, reservations: dict[UUID, Decimal] | None = None) -> Explanation:
    """The explanation of a decision, by way of its stored record."""
    decision = decide(asked, given)
    listed = b"".join(listed_reservation(*held) for held in (reservations or {}).items())
    return explain(decode_record(encode_record(asked, given, listed, decision)), decision.reply)


def section(explanation: Explanation, name: str) -> Section:
    return next(section for section in explanation.sections if section.name == name)


def text(explanation: Explanation, section_name: str, line_name: str) -> str:
    return next(line for line in section(explanation, section_name).lines if line.name == line_name).text()


def names(explanation: Explanation) -> list[str]:
    return [section.name for section in explanation.sections]


def test_what_is_reserved_and_no_longer_listed_is_told_as_such() -> None:
    given = situation(candidate(account(), gold(), reserved="150.25"))

    told = explained(request(), given, {OTHER: Decimal("100.25")})

    assert text(told, "margin", f"reserved_by_{OTHER}").startswith("100.25 GBP")
    assert text(told, "margin", "reserved_by_others") == ("50 GBP  (their list went with a decision that is forgotten)")


def test_an_approved_decision_tells_every_step_with_its_unit() -> None:
    told = explained(request(), situation(candidate(account(), gold())))

    assert names(told) == [
        *("request", "account", "instrument", "budget", "entry_1", "entry_2", "entry_3", "totals", "margin", "outcome")
    ]
    assert text(told, "budget", "budget") == "1500 GBP  = balance × risk percent / 100 = 50000 × 3 / 100"
    assert text(told, "entry_1", "loss_per_lot") == (
        "395 GBP per lot  = |entry − stop| / tick_size × tick_value = |1950 − 1945| / 0.01 × 0.79"
    )
    assert text(told, "entry_1", "margin_per_lot") == (
        "1540.5 GBP per lot  = contract_size × price / leverage × margin_to_account = 100 × 1950 / 100 × 0.79"
    )
    assert text(told, "entry_1", "volume_before_rounding") == (
        "≈1.898734 lots  = entry budget / loss per lot = 750 / 395"
    )
    assert text(told, "entry_1", "volume") == "1.89 lots"
    assert text(told, "entry_1", "margin_required") == (
        "2911.545 GBP  = volume × margin per lot = 1.89 × 1540.5  (in the reply: 2911.55)"
    )
    assert text(told, "totals", "total_volume") == "3.77 lots  = sum of the entries = 1.89 + 1.32 + 0.56"
    assert text(told, "totals", "total_margin_required") == (
        "5803.8298 GBP  = sum of the entries = 2911.545 + 2031.3744 + 860.9104  (in the reply: 5803.83)"
    )
    assert section(told, "outcome").title == "Approved"


def test_a_decision_that_is_rejected_for_its_margin_tells_who_holds_it_and_what_is_missing() -> None:
    given = situation(candidate(account(margin_free=Decimal(6000)), gold(), reserved="500"))
    told = explained(request(), given, {OTHER: Decimal(500)})

    assert text(told, "margin", f"reserved_by_{OTHER}") == "500 GBP"
    assert text(told, "margin", "free") == "5500 GBP  = margin free − reserved = 6000 − 500"
    assert text(told, "margin", "limit").startswith("4400 GBP")
    assert text(told, "margin", "required") == "5803.8298 GBP  (above what is free)"
    assert text(told, "outcome", "reason_1").startswith("insufficient_margin: The setup needs 5803.83 GBP")


def test_a_decision_that_the_buffer_rejects_says_so() -> None:
    told = explained(request(), situation(candidate(account(margin_free=Decimal(7000)), gold())))

    assert text(told, "margin", "required") == "5803.8298 GBP  (above the limit that the buffer leaves)"


def test_a_shrunk_decision_tells_the_factor_and_both_volumes() -> None:
    given = situation(candidate(account(margin_free=Decimal(3500)), gold()))
    told = explained(request(on_insufficient_margin="shrink"), given)

    assert text(told, "margin", "shrink_factor") == "≈0.482440  = limit / required = 2800 / 5803.8298".replace(
        "0 ", " ", 1
    )
    assert text(told, "margin", "required") == (
        "5803.8298 GBP  = sum of volume before shrinking × margin per lot = 1.89 × 1540.5 + 1.32 × 1538.92"
        " + 0.56 × 1537.34  (above what is free)"
    )
    assert text(told, "entry_1", "volume_by_risk") == "1.89 lots  (rounded down to steps of 0.01)"
    assert text(told, "entry_1", "volume_shrunk").startswith("0.91 lots  = volume × shrink factor = 1.89 × ≈0.48244")
    assert text(told, "entry_1", "binding_limit") == "margin"
    assert text(told, "margin", "required_after_shrinking") == "2786.4564 GBP"


def test_a_setup_that_cannot_shrink_enough_is_told_as_rejected() -> None:
    given = situation(candidate(account(margin_free=Decimal(10)), gold()))
    told = explained(request(on_insufficient_margin="shrink"), given)

    assert section(told, "outcome").title == "Rejected"
    assert not any(line.name == "shrink_factor" for line in section(told, "margin").lines)


def test_the_figures_of_a_published_spec_have_their_units() -> None:
    published = gold(volume_limit="9", margin_initial="2000", margin_per_lot_buy="1540.5", margin_price="1950")
    told = explained(request(), situation(candidate(account(), published)))

    units = {line.name: line.unit for line in section(told, "instrument").lines if line.unit}
    assert units == {
        "contract_size": "units per lot",
        "tick_value": "GBP per tick and lot",
        **dict.fromkeys(("volume_min", "volume_max", "volume_step", "volume_limit"), "lots"),
        "margin_to_account": "GBP per USD",
        "profit_to_account": "GBP per USD",
        "margin_initial": "USD per lot",
        "margin_per_lot_buy": "GBP per lot",
        "commission_per_lot": "GBP per lot",
    }


def test_the_total_of_one_entry_is_not_told_as_a_sum() -> None:
    told = explained(one_entry("1950.00", "1945.00"), situation(candidate(account(), gold())))

    assert text(told, "totals", "total_volume") == "1.89 lots"


def test_a_conversion_at_the_stop_is_told_as_one() -> None:
    asked = one_entry("1.09152", "1.04152", instrument="EURUSD")
    euros = account(currency="EUR", balance=Decimal(200000), margin_free=Decimal(200000))
    told = explained(asked, situation(candidate(euros, eurusd())))

    assert text(told, "entry_1", "loss_per_lot") == (
        "≈4800.675935 EUR per lot  = |entry − stop| × contract_size / stop = |1.09152 − 1.04152| × 100000 / 1.04152"
        "  (in the reply: 4800.68)"
    )


def test_a_chain_of_rates_is_told_link_by_link() -> None:
    asked = one_entry("1.0852", "1.0800", instrument="EURUSD", conversion_rates={"GBPUSD": "1.27"})
    told = explained(asked, situation(candidate(account())))

    assert section(told, "instrument").title == "Instrument EURUSD, by the catalogue of standard contracts"
    assert text(told, "entry_1", "profit_conversion") == "≈0.787402 GBP per USD  = 1/GBPUSD = 1 / 1.27"
    assert text(told, "entry_1", "margin_conversion") == (
        "≈0.854488 GBP per EUR  = EURUSD × 1/GBPUSD = 1.0852 × 1 / 1.27"
    )
    assert text(told, "entry_1", "margin_per_lot") == (
        "≈854.488189 GBP per lot  = contract_size / leverage × EUR to GBP = 100000 / 100 × ≈0.854488"
    )


def test_a_price_off_the_tick_grid_is_told_as_sent_and_as_sized() -> None:
    asked = one_entry("1950.103", "1945.00")
    told = explained(asked, situation(candidate(account(), gold())))

    assert text(told, "entry_1", "entry_as_sized") == (
        "1950.11  (sent as 1950.103, off the tick grid: sized where the distance is wider)"
    )


def test_an_entry_below_the_smallest_volume_is_told_as_left_out() -> None:
    told = explained(request(), situation(candidate(account(), gold(volume_min="1.00"))))

    assert text(told, "entry_3", "volume_by_risk") == (
        "0 lots  (rounded down to steps of 0.01; below the smallest volume 1, so left out)"
    )


def test_a_cut_to_the_volume_limit_is_a_step_of_its_own() -> None:
    told = explained(request(), situation(candidate(account(), gold(volume_limit="3"))))

    assert text(told, "entry_2", "volume_within_limit") == (
        "1.11 lots  (the setup's sum is cut to volume_limit 3 from the last entry)"
    )


def test_a_decision_that_reached_no_figure_tells_its_reason_alone() -> None:
    told = explained(request(), situation())

    assert names(told) == ["request", "outcome"]
    assert text(told, "outcome", "reason_1").startswith("account_not_found: ")


def test_every_wrong_field_has_a_line_of_its_own() -> None:
    entries = [{"entry_price": "1950", "stop_loss": "1951"}, {"entry_price": "1950", "stop_loss": "1952"}]
    told = explained(request(entries=entries), situation())

    fields = [line.note for line in section(told, "outcome").lines]
    assert fields == ["entries.0.stop_loss", "entries.1.stop_loss"]


def test_the_document_holds_exact_figures_as_strings() -> None:
    asked = one_entry("1950.00", "1945.00")
    document: dict[str, Any] = explained(asked, situation(candidate(account(), gold()))).document()

    assert document["entry_1"]["volume_before_rounding"] == {
        "value": "150/79",
        "unit": "lots",
        "formula": "entry budget / loss per lot",
        "numbers": "750 / 395",
    }
    assert document["margin"]["required"]["value"] == "2911.545"


@pytest.mark.parametrize(
    ("number", "exact", "short"),
    [
        (Fraction(1, 4), "0.25", "0.25"),
        (Fraction(1, 3), "1/3", "≈0.333333"),
        (Fraction(-2, 3), "-2/3", "≈-0.666667"),
        (Fraction(1, 30_000), "1/30000", "≈0.0000333333"),
        (Fraction(10**12, 7), "1000000000000/7", "≈142857142857.142857"),
        (Fraction(1, 2**11), "0.00048828125", "≈0.000488281"),
        (Fraction(0), "0", "0"),
        (Decimal("1.50"), "1.50", "1.50"),
        (Decimal("1E+2"), "100", "100"),
    ],
)
def test_only_a_rounded_figure_is_marked(number: Fraction | Decimal, exact: str, short: str) -> None:
    assert (exact_text(number), shown(number)) == (exact, short)


def test_every_formula_gives_its_figure() -> None:
    """Of two thousand random decisions: the numbers of each formula that are told exactly, computed again."""
    random = Random(11)  # noqa: S311 - reproducible, not secret
    checked = 0
    for asked, given in itertools.islice(samples(random), 2000):
        for line in exact_formulas(explained(asked, given)):
            assert line.formula is not None
            computed = compute(line.formula.numbers)
            if "rounded down" in line.note:
                assert line.value <= computed, line
            else:
                assert line.value == computed, line
            checked += 1
    assert checked > 5000


def exact_formulas(explanation: Explanation) -> Iterator[Any]:
    lines: Iterator[Line] = (line for section in explanation.sections for line in section.lines)
    return (line for line in lines if line.formula is not None and "≈" not in line.formula.numbers)


def compute(numbers: str) -> Fraction:
    """`|1950 − 1945| / 0.01 × 0.79`, exactly."""
    program = re.sub(r"\|([^|]*)\|", r"abs(\1)", numbers.replace("×", "*").replace("−", "-"))
    program = NUMBER.sub(lambda found: f"Fraction('{found[0]}')", program.replace("larger of ", "max"))
    value: Fraction = eval(program, {"Fraction": Fraction, "abs": abs, "max": max})  # noqa: S307 - our own formulas
    return value
