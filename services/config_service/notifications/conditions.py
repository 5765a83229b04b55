"""The alert conditions of the business, judged over figures. Pure, and slow to change its mind.

A condition fires when its figure was wrong at two looks in a row, and clears when it was well again, past a second
threshold, at two in a row: a figure that wavers about the threshold makes one message, not one a minute. What is not
known, or is of too few cases to mean anything, changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from services.config_service.notifications.notices import Notice

LOOKS_IN_A_ROW = 2
CASES_MIN = 20
"""Requests below which a share of them means nothing."""
ACCOUNTS_MIN = 1
HUNDRED = 100

Turn = Literal["fired", "cleared"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was counted; None is what could not be. Requests are those decided in the window of `figures.WINDOW_S`."""

    requests: int | None = None
    approved: int | None = None
    baseline: Fraction | None = None
    """Requests in such a window on average of the day before; None where there is too little of that day."""
    accounts: int | None = None
    accounts_out_of_sync: int | None = None
    sized: int | None = None
    sized_slowly: int | None = None
    """Sizing requests of the last minutes, and those that took longer than 100 ms, as the workers tell."""

    @property
    def approval_rate(self) -> Fraction | None:
        """The share of decisions that approve."""
        return _share(self.approved, self.requests, least=CASES_MIN)

    @property
    def sync_failures(self) -> Fraction | None:
        """The share of accounts that are stale, or whose newest message was refused."""
        return _share(self.accounts_out_of_sync, self.accounts, least=ACCOUNTS_MIN)

    @property
    def request_load(self) -> Fraction | None:
        """Requests against what is usual: 1 is as usual. Too few of them are no surge, whatever was usual."""
        if self.requests is None or self.baseline is None:
            return None
        if self.requests < CASES_MIN:
            return Fraction(0)
        return Fraction(self.requests) / self.baseline if self.baseline else None

    @property
    def sized_too_slowly(self) -> Fraction | None:
        """The share of requests above 100 ms: above 5 % means that the p95 is."""
        return _share(self.sized_slowly, self.sized, least=CASES_MIN)


@dataclass(frozen=True, slots=True)
class Condition:
    """A figure by its name in `Figures`, in percent; it is wrong beyond `fires`, and well again from `clears` on."""

    figure: str
    fires: Fraction
    clears: Fraction
    wrong: str
    well: str

    def is_wrong(self, value: Fraction) -> bool:
        """Whether the condition would fire."""
        return value < self.fires if self.fires < self.clears else value > self.fires

    def is_well(self, value: Fraction) -> bool:
        """Whether it would clear."""
        return value >= self.clears if self.fires < self.clears else value <= self.clears

    def notice(self, turn: Turn, value: Fraction) -> Notice:
        """What people are told of a turn."""
        percent = f"{float(value * HUNDRED):.1f} %"
        if turn == "fired":
            return Notice("condition", self.wrong, f"It is {percent}.", "failure")
        return Notice("condition", self.well, f"It is {percent}.", "success")


def _percent(number: int) -> Fraction:
    return Fraction(number, HUNDRED)


CONDITIONS = (
    Condition(
        figure="approval_rate",
        fires=_percent(90),
        clears=_percent(92),
        wrong="Approval rate is below 90 %",
        well="Approval rate is 92 % or more again",
    ),
    Condition(
        figure="sync_failures",
        fires=_percent(5),
        clears=_percent(4),
        wrong="More than 5 % of accounts are not kept in sync",
        well="96 % of accounts or more are kept in sync again",
    ),
    Condition(
        figure="request_load",
        fires=_percent(200),
        clears=_percent(180),
        wrong="Sizing requests are above 200 % of what is usual",
        well="Sizing requests are 180 % of what is usual or less again",
    ),
    Condition(
        figure="sized_too_slowly",
        fires=_percent(5),
        clears=_percent(4),
        wrong="The p95 of sizing is above 100 ms: more than 5 % of requests take longer",
        well="The p95 of sizing is below 100 ms again: 4 % of requests or less take longer",
    ),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a condition stands, and for how many looks in a row its figure has spoken against that."""

    is_firing: bool = False
    looks: int = 0


def judge(condition: Condition, standing: Standing, value: Fraction | None) -> tuple[Standing, Turn | None]:
    """How the condition stands after one more look, and whether it has turned."""
    if value is None:
        return Standing(standing.is_firing), None
    speaks_against = condition.is_well(value) if standing.is_firing else condition.is_wrong(value)
    if not speaks_against:
        return Standing(standing.is_firing), None
    if standing.looks + 1 < LOOKS_IN_A_ROW:
        return Standing(standing.is_firing, standing.looks + 1), None
    return Standing(is_firing=not standing.is_firing), "cleared" if standing.is_firing else "fired"


class Conditions:
    """All of them, as they stand."""

    def __init__(self) -> None:
        self._standings = {condition.figure: Standing() for condition in CONDITIONS}

    def look(self, figures: Figures) -> list[Notice]:
        """The notices of those that have turned."""
        notices = []
        for condition in CONDITIONS:
            value: Fraction | None = getattr(figures, condition.figure)
            self._standings[condition.figure], turn = judge(condition, self._standings[condition.figure], value)
            if turn is not None and value is not None:
                notices.append(condition.notice(turn, value))
        return notices


def _share(part: int | None, whole: int | None, *, least: int) -> Fraction | None:
    if part is None or whole is None or whole < least:
        return None
    return Fraction(part, whole)
