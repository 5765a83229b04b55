"""Planned changes of the risk percent: planned, taken back, and due. Pure: the clock comes in as a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from services.config_service.verdict import Applied, Cancelled, Planned, Refused, refuse
from shared.schemas.config import ConfigChanged, Schedule, ScheduleRiskPercent
from shared.sizing.rounding import shortest

AHEAD_MAX_DAYS = 366
PLANNED_MAX = 100
"""Changes that may be planned at once: a plan is a list that people read."""

_SCHEDULES = UUID("0d7f6b1e-9c52-4f0e-8a3c-5b1d2e7f4a60")
"""Namespace of the schedules' ids, each made from the id of the command that planned it."""


@dataclass(frozen=True, slots=True)
class Plans:
    """What a command has to know of the planned changes: how many there are, and the one that it names, if any."""

    count: int = 0
    named: Schedule | None = None


def plan(
    command: ScheduleRiskPercent, by: str, *, current: ConfigChanged, now: datetime, plans: Plans
) -> Planned | Refused:
    """Plan a change, or say why not."""
    if not now < command.effective_at <= now + timedelta(days=AHEAD_MAX_DAYS):
        message = f"must lie in the future, at most {AHEAD_MAX_DAYS} days ahead"
        return refuse("out_of_range", message, field="effective_at")
    if plans.count >= PLANNED_MAX:
        return refuse("out_of_range", f"{PLANNED_MAX} changes are planned already; cancel one first")
    schedule = Schedule(
        schedule_id=uuid5(_SCHEDULES, command.command_id),
        state="planned",
        new_risk_percent=shortest(command.new_risk_percent),
        effective_at=command.effective_at,
        reason=command.reason,
        planned_by=by,
        planned_at=now,
    )
    return Planned(schedule, current)


def cancel(schedule: Schedule | None, by: str, *, current: ConfigChanged, now: datetime) -> Cancelled | Refused:
    """Take a planned change back, or say why not: what was applied, missed or taken back is no longer planned."""
    if schedule is None:
        return refuse("unknown_schedule", "no change was planned under this id", field="schedule_id")
    if schedule.state != "planned":
        return refuse("unknown_schedule", f"names a change that is {schedule.state} already", field="schedule_id")
    ended = {"state": "cancelled", "ended_at": now, "ended_by": by, "config_version": current.config_version}
    return Cancelled(schedule.model_copy(update=ended), current)


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a schedule whose time has come, and the version that it made; None where it was missed."""

    schedule: Schedule
    applied: Applied | None


def end_due(schedule: Schedule, *, current: ConfigChanged, now: datetime, grace_s: float) -> Ended:
    """Apply a schedule that is due, or mark it missed where nobody could within `grace_s` seconds of its time.

    The version is its planner's, for the planner's reason.
    """
    if now - schedule.effective_at > timedelta(seconds=grace_s):
        return Ended(_ended(schedule, "missed", now, version=current.config_version), None)
    config = current.model_copy(
        update={
            "config_version": current.config_version + 1,
            "fixed_risk_percent": schedule.new_risk_percent,
            "updated_at": now,
            "updated_by": schedule.planned_by,
            "reason": schedule.reason,
        }
    )
    return Ended(_ended(schedule, "applied", now, version=config.config_version), Applied(config, current))


def _ended(schedule: Schedule, state: str, now: datetime, *, version: int) -> Schedule:
    ended = {"state": state, "ended_at": now, "ended_by": "system", "config_version": version}
    return schedule.model_copy(update=ended)
