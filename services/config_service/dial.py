"""The dial: what a command makes of the configuration. Pure: clock, database and sender come in as values."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from services.config_service.schedule import Plans, cancel, plan
from services.config_service.verdict import Applied, Known, Order, Refused, Verdict, refuse
from shared.schemas.config import (
    AnyCommand,
    CancelSchedule,
    ConfigChanged,
    EntrySplits,
    ScheduleRiskPercent,
    SetEntrySplits,
    SetMarginBuffer,
    SetRiskPercent,
)
from shared.schemas.reasons import Reason
from shared.schemas.values import format_time
from shared.sizing.configuration import MARGIN_BUFFER_PERCENT_END, RISK_PERCENT_MAX, RISK_PERCENT_MIN
from shared.sizing.rounding import shortest, shortest_text

CLOCK_SKEW_S = 30
"""How far a command's timestamp may be ahead of the database's clock: further ahead, it would stay young too long."""


def content_hash(order: Order) -> bytes:
    """SHA-256 of what was ordered and by whom: decimals by value, defaults filled in.

    Stored with every version for ever: the form below may only change together with a migration of what is stored.
    """
    content = {"by": order.by, **order.command.model_dump()}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=_text).encode()).digest()


def check(command: AnyCommand) -> Refused | None:
    """What is wrong with a command whatever the configuration is; None where nothing is."""
    reasons = _reasons(command)
    return Refused(tuple(reasons)) if reasons else None


def decide(
    order: Order, current: ConfigChanged, *, now: datetime, known: Known | None, plans: Plans, command_s: float
) -> Verdict:
    """What becomes of a checked command at `now`, under `current`.

    `known` is what its command_id did before: a repeated command gets its answer however old it is by now.
    `plans` is what it has to know of the planned changes. `command_s`: seconds after which a command is too old to be
    obeyed.
    """
    if known is not None:
        return _repeat(order, known)
    return (
        _refuse_age(order.sent_at, now, command_s)
        or _refuse_version(order.command, current)
        or _obey(order, current, now, plans)
    )


def _repeat(order: Order, known: Known) -> Verdict:
    if known.content == content_hash(order):
        return replace(known.verdict, repeated=True)
    return refuse("command_id_conflict", "named another command before", field="command_id")


def _refuse_age(sent_at: datetime | None, now: datetime, command_s: float) -> Refused | None:
    if sent_at is None:
        return None
    if now - sent_at > timedelta(seconds=command_s):
        return refuse("expired", f"the command is older than {command_s:g} s; send it again if it is still meant")
    if sent_at - now > timedelta(seconds=CLOCK_SKEW_S):
        return refuse("invalid_message", f"is more than {CLOCK_SKEW_S} s ahead of our clock", field="timestamp")
    return None


def _refuse_version(command: AnyCommand, current: ConfigChanged) -> Refused | None:
    if command.expected_version in (None, current.config_version):
        return None
    message = f"the configuration is at version {current.config_version}, not {command.expected_version}"
    return refuse("version_conflict", message, field="expected_version", config=current)


def _obey(order: Order, current: ConfigChanged, now: datetime, plans: Plans) -> Verdict:
    match order.command:
        case SetRiskPercent(new_risk_percent=percent):
            return _turn(order, current, now, fixed_risk_percent=shortest(percent))
        case SetEntrySplits(entry_splits=splits):
            shares = EntrySplits(**{name: shortest(split) for name, split in splits})
            return _turn(order, current, now, entry_splits=shares)
        case SetMarginBuffer(margin_buffer_percent=percent):
            return _turn(order, current, now, margin_buffer_percent=shortest(percent))
        case ScheduleRiskPercent() as command:
            return plan(command, order.by, current=current, now=now, plans=plans)
        case CancelSchedule():
            return cancel(plans.named, order.by, current=current, now=now)


def _turn(order: Order, current: ConfigChanged, now: datetime, **changed: object) -> Applied:
    """The next version. A command that sets what holds already makes one too."""
    version = {"config_version": current.config_version + 1}
    who = {"updated_at": now, "updated_by": order.by, "reason": order.command.reason}
    return Applied(current.model_copy(update={**version, **who, **changed}), current)


def _reasons(command: AnyCommand) -> list[Reason]:
    match command:
        case SetRiskPercent(new_risk_percent=percent) | ScheduleRiskPercent(new_risk_percent=percent):
            return _risk_reasons(percent)
        case SetEntrySplits(entry_splits=splits):
            return _split_reasons(splits)
        case SetMarginBuffer(margin_buffer_percent=percent):
            return _buffer_reasons(percent)
        case CancelSchedule():
            return []


def _risk_reasons(percent: Decimal) -> list[Reason]:
    if RISK_PERCENT_MIN <= percent <= RISK_PERCENT_MAX:
        return []
    return [_out_of_range("new_risk_percent", f"must be between {RISK_PERCENT_MIN} and {RISK_PERCENT_MAX}")]


def _split_reasons(splits: EntrySplits) -> list[Reason]:
    reasons = [_out_of_range(f"entry_splits.{name}", "must be above 0") for name, split in splits if split <= 0]
    # Exactly 1, so exactly added: a Decimal's sum is rounded to the context's precision.
    if sum(Fraction(split) for _, split in splits) != 1:
        reasons.append(_out_of_range("entry_splits", "must sum to 1"))
    return reasons


def _buffer_reasons(percent: Decimal) -> list[Reason]:
    if 0 <= percent < MARGIN_BUFFER_PERCENT_END:
        return []
    return [_out_of_range("margin_buffer_percent", f"must be at least 0 and below {MARGIN_BUFFER_PERCENT_END}")]


def _out_of_range(field: str, message: str) -> Reason:
    return Reason(code="out_of_range", message=message, field=field)


def _text(value: object) -> str:
    match value:
        case Decimal():
            return shortest_text(value)
        case datetime():
            return format_time(value)
    raise TypeError(f"no command holds a {type(value).__name__}")
