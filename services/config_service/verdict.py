"""What became of a command, and how its answer says so. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.schemas.config import AnyCommand, ConfigChanged, ConfigResult, Schedule
from shared.schemas.reasons import ConfigReasonCode, Reason


@dataclass(frozen=True, slots=True)
class Order:
    """A command, who gave it, and when it was sent; None where it is being sent right now, over HTTP."""

    command: AnyCommand
    by: str
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """The version that a command made, now or when it came first, and the one before it."""

    config: ConfigChanged
    previous: ConfigChanged
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A change that is now planned, or was when the command came first, and the configuration in force at that time."""

    schedule: Schedule
    config: ConfigChanged
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A planned change that was taken back, and the configuration in force at that time."""

    schedule: Schedule
    config: ConfigChanged
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing was changed. `config` is the configuration in force where the command stumbled over its version."""

    reasons: tuple[Reason, ...]
    config: ConfigChanged | None = None

    @property
    def code(self) -> ConfigReasonCode:
        """The one code of all the reasons."""
        code: ConfigReasonCode = self.reasons[0].code  # type: ignore[assignment]  # `refuse` takes no other
        return code


Done = Applied | Planned | Cancelled
Verdict = Done | Refused


@dataclass(frozen=True, slots=True)
class Known:
    """A command that was obeyed before: the hash of its content, and what it did."""

    content: bytes
    verdict: Done


def refuse(
    code: ConfigReasonCode, message: str, *, field: str | None = None, config: ConfigChanged | None = None
) -> Refused:
    """A refusal with one reason."""
    return Refused((Reason(code=code, message=message, field=field),), config)


def result(command_id: str | None, verdict: Verdict) -> ConfigResult:
    """The answer to a command."""
    match verdict:
        case Applied():
            return _applied(command_id, verdict)
        case Planned():
            return _planned(command_id, verdict)
        case Cancelled():
            return _cancelled(command_id, verdict)
        case Refused():
            return _refused(command_id, verdict)


def _applied(command_id: str | None, applied: Applied) -> ConfigResult:
    config = applied.config
    return ConfigResult(
        command_id=command_id,
        status="applied",
        previous_risk_percent=applied.previous.fixed_risk_percent,
        new_risk_percent=config.fixed_risk_percent,
        config_version=config.config_version,
        updated_at=config.updated_at,
        updated_by=config.updated_by,
        config=config,
    )


def _planned(command_id: str | None, planned: Planned) -> ConfigResult:
    """The percent now and the percent planned; `config` is what is in force until then."""
    schedule, config = planned.schedule, planned.config
    return ConfigResult(
        command_id=command_id,
        status="applied",
        previous_risk_percent=config.fixed_risk_percent,
        new_risk_percent=schedule.new_risk_percent,
        config_version=config.config_version,
        updated_at=schedule.planned_at,
        updated_by=schedule.planned_by,
        schedule_id=str(schedule.schedule_id),
        config=config,
    )


def _cancelled(command_id: str | None, cancelled: Cancelled) -> ConfigResult:
    """The percent stays as it is."""
    schedule, config = cancelled.schedule, cancelled.config
    return ConfigResult(
        command_id=command_id,
        status="applied",
        previous_risk_percent=config.fixed_risk_percent,
        new_risk_percent=config.fixed_risk_percent,
        config_version=config.config_version,
        updated_at=schedule.ended_at,
        updated_by=schedule.ended_by,
        schedule_id=str(schedule.schedule_id),
        config=config,
    )


def _refused(command_id: str | None, refused: Refused) -> ConfigResult:
    return ConfigResult(
        command_id=command_id,
        status="rejected",
        reasons=refused.reasons,
        config_version=refused.config.config_version if refused.config else None,
        config=refused.config,
    )
