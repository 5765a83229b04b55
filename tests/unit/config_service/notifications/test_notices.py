"""What people read: the words of each notice, and that one happening is told once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.config_service.notifications.notices import news, of_change, of_schedule
from shared.schemas.config import ConfigChanged, Schedule
from tests.unit.config_service.configurations import FIRST, NOON

EVERYTHING = frozenset({"change", "schedule"})


def version(number: int, **fields: Any) -> ConfigChanged:
    made = {"config_version": number, "updated_at": NOON, "updated_by": "owner-1", "reason": None}
    return FIRST.model_copy(update={**made, **fields})


def plan(state: str, *, config_version: int = 8) -> Schedule:
    return Schedule.model_validate(
        {
            "schedule_id": UUID(int=1),
            "state": state,
            "new_risk_percent": "1.5",
            "effective_at": NOON,
            "reason": "weekend",
            "planned_by": "owner-1",
            "planned_at": NOON - timedelta(days=1),
            "ended_at": NOON,
            "ended_by": "owner-1",
            "config_version": config_version,
        }
    )


def test_a_new_percent_is_the_title_and_who_when_and_why_the_body() -> None:
    notice = of_change(FIRST, version(8, fixed_risk_percent=Decimal("2.5"), reason="NFP"))

    assert (notice.kind, notice.title, notice.severity) == ("change", "Risk percent 3 % → 2.5 %", "warning")
    assert notice.body == (
        "Configuration 8 changed risk percent 3 % → 2.5 %.\nBy owner-1 at 2026-11-22T12:00:00.000Z.\nReason: NFP."
    )


def test_another_value_is_named_in_the_title() -> None:
    notice = of_change(FIRST, version(8, margin_buffer_percent=Decimal(25)))

    assert (notice.title, notice.severity) == ("Configuration changed: margin buffer 20 % → 25 %", "info")
    assert notice.body.endswith("Reason: none given.")


def test_a_plan_that_was_applied_is_good_and_one_that_was_missed_is_bad() -> None:
    applied, missed = of_schedule(plan("applied")), of_schedule(plan("missed", config_version=7))

    assert (applied.title, applied.severity) == ("Risk percent is 1.5 % now, as planned", "success")
    assert (missed.title, missed.severity) == ("Planned risk percent 1.5 % was missed", "failure")
    assert missed.body.startswith("Nobody could apply it in time; configuration 7 stays in force.\nPlanned by owner-1")


def test_a_version_that_a_plan_made_is_told_as_the_plan() -> None:
    versions = [FIRST, version(8, fixed_risk_percent=Decimal("1.5")), version(9)]

    assert [notice.kind for notice in news(versions, [plan("applied")], EVERYTHING)] == ["change", "schedule"]


def test_where_plans_are_not_wanted_it_is_told_as_a_change() -> None:
    versions = [FIRST, version(8, fixed_risk_percent=Decimal("1.5"))]

    kinds = [notice.kind for notice in news(versions, [plan("applied")], frozenset({"change"}))]

    assert kinds[0] == "change"


def test_what_was_told_before_is_not_told_again() -> None:
    assert list(news([FIRST], [], EVERYTHING)) == []
