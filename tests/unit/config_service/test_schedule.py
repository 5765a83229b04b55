"""Changes that are planned, taken back, and due."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.config_service.dial import check, content_hash
from services.config_service.schedule import AHEAD_MAX_DAYS, PLANNED_MAX, Plans, end_due
from services.config_service.verdict import Cancelled, Known, Planned, result
from shared.schemas.config import Schedule
from shared.schemas.reasons import Reason
from shared.schemas.values import format_time
from tests.unit.config_service.configurations import FIRST, NOON, command, done, known_as, order, plan, refused

CANCEL = command(command="cancel_schedule", command_id="c-2", schedule_id="whatever the store looked up")


def at(**ahead: float) -> str:
    """A time so far from noon, as it is sent."""
    return format_time(NOON + timedelta(**ahead))


def planned(effective_at: str | None = None, **fields: Any) -> Schedule:
    verdict = done(order(plan(effective_at or at(hours=1), **fields)))
    assert isinstance(verdict, Planned)
    return verdict.schedule


def test_a_plan_says_what_from_when_on_by_whom_and_why() -> None:
    schedule = planned(at(hours=1), new_risk_percent="1.50", reason="weekend")

    assert schedule.state == "planned"
    assert str(schedule.new_risk_percent) == "1.5"
    assert schedule.effective_at == NOON + timedelta(hours=1)
    assert (schedule.planned_by, schedule.planned_at, schedule.reason) == ("owner-1", NOON, "weekend")


def test_a_plan_changes_nothing_now() -> None:
    verdict = done(order(plan()))

    assert isinstance(verdict, Planned)
    assert verdict.config == FIRST


def test_the_answer_to_a_plan_tells_the_percent_now_the_percent_then_and_the_id_to_cancel_it_by() -> None:
    verdict = done(order(plan()))
    assert isinstance(verdict, Planned)

    answer = result("c-1", verdict)

    assert (answer.status, answer.command_id) == ("applied", "c-1")
    assert (answer.previous_risk_percent, answer.new_risk_percent) == (Decimal(3), Decimal(2))
    assert (answer.config_version, answer.config) == (7, FIRST)
    assert (answer.updated_by, answer.updated_at) == ("owner-1", NOON)
    assert answer.schedule_id == str(verdict.schedule.schedule_id)


def test_the_same_command_plans_under_the_same_id_and_another_under_another() -> None:
    assert planned().schedule_id == planned().schedule_id
    assert planned().schedule_id != planned(command_id="c-9").schedule_id


@pytest.mark.parametrize("ahead", [{"seconds": 0}, {"seconds": -1}, {"days": AHEAD_MAX_DAYS, "milliseconds": 1}])
def test_a_time_that_is_past_or_too_far_ahead_is_out_of_range(ahead: dict[str, float]) -> None:
    assert refused(order(plan(at(**ahead)))).reasons == (
        Reason(code="out_of_range", message="must lie in the future, at most 366 days ahead", field="effective_at"),
    )


@pytest.mark.parametrize("ahead", [{"milliseconds": 1}, {"days": AHEAD_MAX_DAYS}])
def test_a_time_on_the_bounds_is_planned(ahead: dict[str, float]) -> None:
    assert planned(at(**ahead)).effective_at == NOON + timedelta(**ahead)


def test_no_more_is_planned_than_people_can_read() -> None:
    assert isinstance(done(order(plan()), plans=Plans(count=PLANNED_MAX - 1)), Planned)
    assert refused(order(plan()), plans=Plans(count=PLANNED_MAX)).reasons == (
        Reason(code="out_of_range", message="100 changes are planned already; cancel one first"),
    )


def test_a_planned_percent_has_the_bounds_of_one_that_is_set() -> None:
    assert check(plan(new_risk_percent="50")) is None
    wrong = check(plan(new_risk_percent="50.1"))

    assert wrong is not None
    assert (wrong.code, wrong.reasons[0].field) == ("out_of_range", "new_risk_percent")


def test_a_repeated_plan_gets_its_answer_though_its_time_has_come() -> None:
    given = order(plan(at(seconds=5)))
    known = known_as(given)

    again = done(given, known=known)

    assert isinstance(again, Planned)
    assert again.repeated
    assert result("c-1", again) == result("c-1", known.verdict)


def test_a_planned_change_is_taken_back() -> None:
    verdict = done(order(CANCEL, by="owner-2"), plans=Plans(named=planned()))

    assert isinstance(verdict, Cancelled)
    schedule = verdict.schedule
    assert schedule == planned().model_copy(
        update={"state": "cancelled", "ended_at": NOON, "ended_by": "owner-2", "config_version": 7}
    )


def test_the_answer_to_a_cancellation_tells_the_percent_that_stays() -> None:
    verdict = done(order(CANCEL, by="owner-2"), plans=Plans(named=planned()))

    answer = result("c-2", verdict)

    assert (answer.status, answer.command_id) == ("applied", "c-2")
    assert (answer.previous_risk_percent, answer.new_risk_percent) == (Decimal(3), Decimal(3))
    assert (answer.updated_by, answer.updated_at) == ("owner-2", NOON)
    assert (answer.config_version, answer.config) == (7, FIRST)
    assert answer.schedule_id == str(planned().schedule_id)


def test_a_repeated_cancellation_gets_its_answer_though_nothing_is_planned_any_more() -> None:
    first = done(order(CANCEL), plans=Plans(named=planned()))
    assert isinstance(first, Cancelled)

    known = Known(content_hash(order(CANCEL)), first)
    again = done(order(CANCEL), known=known, plans=Plans(named=first.schedule))

    assert again.repeated
    assert result("c-2", again) == result("c-2", first)


def test_a_schedule_that_nobody_planned_is_unknown() -> None:
    assert refused(order(CANCEL)).reasons == (
        Reason(code="unknown_schedule", message="no change was planned under this id", field="schedule_id"),
    )


@pytest.mark.parametrize("state", ["applied", "cancelled", "missed"])
def test_a_schedule_that_ended_is_unknown_too_and_told_how(state: str) -> None:
    ended = planned().model_copy(update={"state": state, "ended_at": NOON})

    assert refused(order(CANCEL), plans=Plans(named=ended)).reasons == (
        Reason(code="unknown_schedule", message=f"names a change that is {state} already", field="schedule_id"),
    )


def test_an_expected_version_guards_a_plan_and_a_cancellation() -> None:
    stale = CANCEL.model_copy(update={"expected_version": 6})

    assert refused(order(plan(expected_version=6))).code == "version_conflict"
    assert refused(order(stale), plans=Plans(named=planned())).code == "version_conflict"


def test_a_change_that_is_due_makes_the_next_version_in_its_planners_name() -> None:
    schedule = planned(at(hours=1), reason="weekend")
    now = NOON + timedelta(hours=1, milliseconds=3)

    ended = end_due(schedule, current=FIRST, now=now, grace_s=300)

    assert ended.applied is not None
    assert ended.applied.previous == FIRST
    assert ended.applied.config == FIRST.model_copy(
        update={
            "config_version": 8,
            "fixed_risk_percent": Decimal(2),
            "updated_at": now,
            "updated_by": "owner-1",
            "reason": "weekend",
        }
    )


def test_a_change_that_was_applied_says_when_and_names_its_version() -> None:
    now = NOON + timedelta(hours=1)

    schedule = end_due(planned(), current=FIRST, now=now, grace_s=300).schedule

    assert schedule == planned().model_copy(
        update={"state": "applied", "ended_at": now, "ended_by": "system", "config_version": 8}
    )


def test_a_change_is_applied_within_its_grace_and_missed_after_it() -> None:
    due = NOON + timedelta(hours=1)

    in_time = end_due(planned(), current=FIRST, now=due + timedelta(seconds=300), grace_s=300)
    late = end_due(planned(), current=FIRST, now=due + timedelta(seconds=300, microseconds=1), grace_s=300)

    assert in_time.schedule.state == "applied"
    assert late.applied is None
    assert (late.schedule.state, late.schedule.config_version) == ("missed", 7)
    assert late.schedule.ended_at == due + timedelta(seconds=300, microseconds=1)


@given(late_s=st.floats(0, 1000), grace_s=st.floats(0, 1000))
def test_whatever_is_due_ends_one_way_or_the_other(late_s: float, grace_s: float) -> None:
    now = NOON + timedelta(hours=1, seconds=late_s)

    ended = end_due(planned(), current=FIRST, now=now, grace_s=grace_s)

    assert (ended.applied is not None) == (ended.schedule.state == "applied")
    assert ended.schedule.state in ("applied", "missed")
    assert isinstance(ended.schedule.schedule_id, UUID)
