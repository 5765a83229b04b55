"""A notice: one message to people. Pure: from what happened to its words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.config_service.settings import NoticeKind
from shared.messaging.topology import parked_name
from shared.notifying import Severity
from shared.schemas.config import ConfigChanged, EntrySplits, Schedule
from shared.schemas.values import format_decimal, format_time

RISK = "risk percent"


@dataclass(frozen=True, slots=True)
class Notice:
    """What people are told; `kind` is what the operator chooses and limits by."""

    kind: NoticeKind
    title: str
    body: str
    severity: Severity


def news(versions: Sequence[ConfigChanged], ends: Sequence[Schedule], kinds: frozenset[str]) -> Iterator[Notice]:
    """The notices of every version after the first of `versions`, which was told before, and of every plan that ended.

    A plan that was applied made a version: it is told once, as the plan, where plans are among the `kinds`.
    """
    planned = {end.config_version for end in ends if end.state == "applied"} if "schedule" in kinds else set()
    for before, after in pairwise(versions):
        if after.config_version not in planned:
            yield of_change(before, after)
    for end in ends:
        yield of_schedule(end)


def of_change(before: ConfigChanged, after: ConfigChanged) -> Notice:
    """A new version of the configuration: what it changed, who made it and why."""
    differences = dict(_differences(before, after))
    what = "; ".join(f"{name} {change}" for name, change in differences.items()) or "no value"
    title = f"Risk percent {differences[RISK]}" if RISK in differences else f"Configuration changed: {what}"
    body = (
        f"Configuration {after.config_version} changed {what}.\n"
        f"By {after.updated_by} at {format_time(after.updated_at)}.\n"
        f"Reason: {after.reason or 'none given'}."
    )
    return Notice("change", title, body, "warning" if RISK in differences else "info")


def of_schedule(schedule: Schedule) -> Notice:
    """A planned change that was applied or missed."""
    percent, due = f"{format_decimal(schedule.new_risk_percent)} %", format_time(schedule.effective_at)
    reason = schedule.reason or "none given"
    planned = f"Planned by {schedule.planned_by} for {due}.\nReason: {reason}."
    if schedule.state == "applied":
        body = f"Configuration {schedule.config_version} is in force.\n{planned}"
        return Notice("schedule", f"Risk percent is {percent} now, as planned", body, "success")
    body = f"Nobody could apply it in time; configuration {schedule.config_version} stays in force.\n{planned}"
    return Notice("schedule", f"Planned risk percent {percent} was missed", body, "failure")


def of_parked(queue: str, *, more: int, total: int) -> Notice:
    """More messages of a work queue lie parked than before."""
    title = f"{more} more parked in {parked_name(queue)}"
    body = f"{total} lie there now. What they are, and why: lotwise dead list"
    return Notice("parked", title, body, "warning")


def _differences(before: ConfigChanged, after: ConfigChanged) -> Iterator[tuple[str, str]]:
    pairs = (
        (RISK, f"{format_decimal(before.fixed_risk_percent)} %", f"{format_decimal(after.fixed_risk_percent)} %"),
        ("entry splits", _splits(before.entry_splits), _splits(after.entry_splits)),
        (
            "margin buffer",
            f"{format_decimal(before.margin_buffer_percent)} %",
            f"{format_decimal(after.margin_buffer_percent)} %",
        ),
    )
    for name, old, new in pairs:
        if old != new:
            yield name, f"{old} → {new}"


def _splits(splits: EntrySplits) -> str:
    parts = (splits.entry_1_percent, splits.entry_2_percent, splits.entry_3_percent)
    return "/".join(format_decimal(part) for part in parts)
