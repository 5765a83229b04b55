"""An event as one line for people."""

from __future__ import annotations

from dataclasses import dataclass

from shared.cli.texts import safe, short_time
from shared.messaging.watching import Event
from shared.schemas.account import AccountKey, AccountRefused
from shared.schemas.config import ConfigChanged, Schedule, WorkerState
from shared.schemas.sizing import DecidedAccount, SizingDecision
from shared.schemas.values import format_decimal

KIND_OF = {
    SizingDecision: "decision",
    AccountRefused: "refusal",
    ConfigChanged: "config",
    Schedule: "schedule",
    WorkerState: "worker",
}
COLOUR_OF = {"approved": "green", "rejected": "yellow", "error": "red", "applied": "green", "missed": "red"}


@dataclass(frozen=True, slots=True)
class EventLine:
    """The kind, one word for what happened with its colour, and the rest; nothing in it moves a cursor."""

    kind: str
    word: str
    rest: str

    @property
    def colour(self) -> str:
        """What a terminal shows the word in."""
        return COLOUR_OF.get(self.word, "yellow" if self.kind == "refusal" else "cyan")


def event_kind(event: Event) -> str:
    """The word that `--kind` takes for it."""
    return KIND_OF[type(event)]


def describe(event: Event) -> EventLine:
    """What happened, at whose account, when."""
    word, rest = _told(event)
    return EventLine(event_kind(event), word, safe(rest))


def _told(event: Event) -> tuple[str, str]:
    match event:
        case SizingDecision():
            return event.status, _decision(event)
        case AccountRefused():
            captured = short_time(event.captured_at)
            return "refused", f"{event.code}  {_account(event.account)}  {event.user_id or '?'}  {captured}".rstrip()
        case ConfigChanged():
            return "changed", _configuration(event)
        case Schedule():
            percent = format_decimal(event.new_risk_percent)
            return event.state, f"{percent} % planned for {short_time(event.effective_at)} by {event.planned_by}"
        case WorkerState():
            return "runs", f"configuration {event.config_version}  {event.instance}  {short_time(event.at)}"


def _decision(event: SizingDecision) -> str:
    reasons = ", ".join(reason.code for reason in event.reasons)
    volume = event.summary.total_volume
    what = reasons or (f"{format_decimal(volume)} lots" if volume is not None else "")
    parts = (f"{event.side or '?'} {event.instrument or '?'}", what, _account(event.account), event.user_id or "?")
    return "  ".join((*parts, str(event.request_id or "?"), short_time(event.decided_at)))


def _configuration(event: ConfigChanged) -> str:
    splits = event.entry_splits
    parts = (splits.entry_1_percent, splits.entry_2_percent, splits.entry_3_percent)
    values = f"{format_decimal(event.fixed_risk_percent)} %, splits {'/'.join(format_decimal(part) for part in parts)}"
    reason = f": {event.reason}" if event.reason else ""
    buffer = f"buffer {format_decimal(event.margin_buffer_percent)} %"
    return f"configuration {event.config_version}  {values}, {buffer}  by {event.updated_by}{reason}"


def _account(account: AccountKey | DecidedAccount | None) -> str:
    return f"{account.login}@{account.server}" if account else "no account"
