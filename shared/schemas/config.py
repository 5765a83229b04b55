"""The owner's commands, their results, and the broadcast of a new configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, RootModel

from shared.schemas.reasons import Reason
from shared.schemas.values import ExactDecimal, Id, Identifier, Message, Text, UtcTime


class EntrySplits(Message):
    """How the budget is split over the entries, as fractions: 0.50 = 50 %."""

    entry_1_percent: ExactDecimal
    entry_2_percent: ExactDecimal
    entry_3_percent: ExactDecimal


class ConfigChanged(Message):
    """`config.changed.v1`, the broadcast: the whole configuration and its version. Percents: 3 = 3 %."""

    config_version: Annotated[int, Field(ge=1)]
    fixed_risk_percent: ExactDecimal
    entry_splits: EntrySplits
    margin_buffer_percent: ExactDecimal
    updated_at: UtcTime
    updated_by: str
    reason: str | None


class _Command(Message):
    """What every command carries. The same `command_id` again has one effect and the same answer."""

    command_id: Identifier
    reason: Text | None = None
    expected_version: Annotated[int, Field(ge=1)] | None = None


class SetRiskPercent(_Command):
    """Set the one global risk percent (3 = 3 %)."""

    command: Literal["set_risk_percent"]
    new_risk_percent: ExactDecimal


class SetEntrySplits(_Command):
    """Set how the budget is split over the entries."""

    command: Literal["set_entry_splits"]
    entry_splits: EntrySplits


class SetMarginBuffer(_Command):
    """Set the share of free margin, in percent, that no setup may use."""

    command: Literal["set_margin_buffer"]
    margin_buffer_percent: ExactDecimal


class ScheduleRiskPercent(_Command):
    """Plan a change of the risk percent for `effective_at`."""

    command: Literal["schedule_risk_percent"]
    new_risk_percent: ExactDecimal
    effective_at: UtcTime


class CancelSchedule(_Command):
    """Take a planned change back."""

    command: Literal["cancel_schedule"]
    schedule_id: Identifier


AnyCommand = SetRiskPercent | SetEntrySplits | SetMarginBuffer | ScheduleRiskPercent | CancelSchedule


class ConfigCommand(RootModel[Annotated[AnyCommand, Field(discriminator="command")]]):
    """`config.command.v1`: one of the commands, told apart by `command`."""

    model_config = ConfigDict(frozen=True)


class ConfigResult(Message):
    """`config.result.v1`: the answer to a command. Null is what the command did not reach."""

    command_id: str | None
    status: Literal["applied", "rejected"]
    reasons: Annotated[tuple[Reason, ...], Field(strict=False)] = ()
    previous_risk_percent: ExactDecimal | None = None
    new_risk_percent: ExactDecimal | None = None
    config_version: int | None = None
    updated_at: UtcTime | None = None
    updated_by: str | None = None
    schedule_id: str | None = None
    config: ConfigChanged | None = None


ScheduleState = Literal["planned", "applied", "cancelled", "missed"]


class Schedule(Message):
    """`schedule.ended.v1`, an event, and the form of a planned change everywhere else: 3 = 3 %.

    It ends once: `applied` and made `config_version`, `cancelled`, or `missed` because nobody could apply it in time;
    the latter two name the version then in force. Until it ends, the last three are null.
    """

    schedule_id: Id
    state: ScheduleState
    new_risk_percent: ExactDecimal
    effective_at: UtcTime
    reason: str | None
    planned_by: str
    planned_at: UtcTime
    ended_at: UtcTime | None = None
    ended_by: str | None = None
    config_version: int | None = None


class WorkerState(Message):
    """`worker.state.v1`, an event: the configuration version that a process runs."""

    instance: str
    service: str
    config_version: int
    at: UtcTime
