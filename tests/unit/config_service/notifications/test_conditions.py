"""The alert conditions of the business: when people are told, and that a figure that wavers tells them once."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.config_service.notifications.conditions import CONDITIONS, Conditions, Figures

CONDITION = {condition.figure: condition for condition in CONDITIONS}


def approvals(approved: int, *, of: int = 1000) -> Figures:
    return Figures(requests=of, approved=approved)


def titles(conditions: Conditions, *looks: Figures) -> list[list[str]]:
    """What each look tells."""
    return [[notice.title for notice in conditions.look(figures)] for figures in looks]


BEGINS = {
    "approval_rate": (approvals(899), approvals(900), "Approval rate is below 90 %"),
    "sync_failures": (
        Figures(accounts=1000, accounts_out_of_sync=51),
        Figures(accounts=1000, accounts_out_of_sync=50),
        "More than 5 % of accounts are not kept in sync",
    ),
    "request_load": (
        Figures(requests=201, baseline=Fraction(100)),
        Figures(requests=200, baseline=Fraction(100)),
        "Sizing requests are above 200 % of what is usual",
    ),
    "sized_too_slowly": (
        Figures(sized=1000, sized_slowly=51),
        Figures(sized=1000, sized_slowly=50),
        "The p95 of sizing is above 100 ms: more than 5 % of requests take longer",
    ),
}
ENDS = {
    "approval_rate": (approvals(920), approvals(919)),
    "sync_failures": (Figures(accounts=1000, accounts_out_of_sync=40), Figures(accounts=1000, accounts_out_of_sync=41)),
    "request_load": (
        Figures(requests=180, baseline=Fraction(100)),
        Figures(requests=181, baseline=Fraction(100)),
    ),
    "sized_too_slowly": (Figures(sized=1000, sized_slowly=40), Figures(sized=1000, sized_slowly=41)),
}


def test_every_condition_is_tested_here() -> None:
    assert CONDITION.keys() == BEGINS.keys() == ENDS.keys()


@pytest.mark.parametrize("figure", BEGINS)
def test_a_condition_begins_where_its_figure_is_wrong_twice_in_a_row(figure: str) -> None:
    wrong, at_the_threshold, title = BEGINS[figure]

    assert titles(Conditions(), wrong, wrong, wrong) == [[], [title], []]
    assert titles(Conditions(), wrong, at_the_threshold, wrong, at_the_threshold) == [[], [], [], []]


@pytest.mark.parametrize("figure", ENDS)
def test_it_ends_where_its_figure_was_well_twice_in_a_row_past_the_second_threshold(figure: str) -> None:
    wrong, well, nearly = BEGINS[figure][0], *ENDS[figure]

    told = titles(Conditions(), wrong, wrong, nearly, nearly, well, nearly, well, well, well)

    assert told[2:7] == [[]] * 5
    assert told[7:] == [[CONDITION[figure].well], []]


def test_the_figure_itself_is_told() -> None:
    conditions = Conditions()
    conditions.look(approvals(123))
    (notice,) = conditions.look(approvals(123))

    assert (notice.kind, notice.body, notice.severity) == ("condition", "It is 12.3 %.", "failure")


@pytest.mark.parametrize(
    "figures",
    [
        Figures(),
        approvals(0, of=19),
        Figures(accounts=0, accounts_out_of_sync=0),
        Figures(requests=19, baseline=Fraction(1)),
        Figures(requests=10_000),
        Figures(sized=19, sized_slowly=19),
    ],
)
def test_what_is_unknown_or_of_too_few_cases_begins_nothing(figures: Figures) -> None:
    assert titles(Conditions(), *[figures] * 5) == [[]] * 5


def test_what_is_unknown_between_two_wrong_looks_begins_the_count_anew() -> None:
    assert titles(Conditions(), approvals(1), Figures(), approvals(1)) == [[], [], []]


def test_a_surge_ends_when_hardly_anything_is_asked() -> None:
    surge, quiet = BEGINS["request_load"][0], Figures(requests=3, baseline=Fraction(100))

    assert titles(Conditions(), surge, surge, quiet, quiet)[3] == [CONDITION["request_load"].well]


@given(st.lists(st.integers(min_value=881, max_value=919), max_size=50))
def test_a_figure_that_wavers_about_the_first_threshold_tells_once_at_most(approved: list[int]) -> None:
    told = titles(Conditions(), *(approvals(count) for count in approved))

    assert sum(map(len, told)) <= 1
