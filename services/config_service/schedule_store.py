"""The SQL of planned changes. Rows are only ever inserted: a schedule is planned while it has no end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.config_service.schedule import Plans
from shared.schemas.config import AnyCommand, CancelSchedule, Schedule, ScheduleRiskPercent, ScheduleState
from shared.schemas.values import parse_uuid
from shared.sizing.rounding import shortest

COLUMNS = """schedule.schedule_id, schedule.new_risk_percent, schedule.effective_at, schedule.reason,
    schedule.planned_by, schedule.planned_at, coalesce(ended.state, 'planned') AS state, ended.ended_at, ended.ended_by,
    ended.config_version"""
SCHEDULES = """risk_configuration_schedules AS schedule
    LEFT JOIN risk_configuration_schedule_ends AS ended USING (schedule_id)"""

NAMED = text(f"SELECT {COLUMNS} FROM {SCHEDULES} WHERE schedule.schedule_id = :schedule_id")  # noqa: S608 - our words

COUNT = text(f"SELECT count(*) FROM {SCHEDULES} WHERE ended.schedule_id IS NULL")  # noqa: S608 - our words

# By the database's clock, as everything that has an age.
NEXT = text(f"""
    SELECT {COLUMNS}, EXTRACT(EPOCH FROM schedule.effective_at - clock_timestamp())::float8 AS due_in_s
    FROM {SCHEDULES} WHERE ended.schedule_id IS NULL
    ORDER BY schedule.effective_at, schedule.id LIMIT 1
""")  # noqa: S608 - no word of it comes from outside

PAGE = text(f"""
    SELECT {COLUMNS} FROM {SCHEDULES}
    WHERE (CAST(:state AS text) IS NULL OR coalesce(ended.state, 'planned') = :state)
      AND (CAST(:before AS uuid) IS NULL
           OR schedule.id < (SELECT id FROM risk_configuration_schedules WHERE schedule_id = :before))
    ORDER BY schedule.id DESC LIMIT :limit
""")  # noqa: S608 - no word of it comes from outside

# A version and the end of the plan that made it are of one transaction: whoever saw the one sees the other.
MADE = text(f"""
    SELECT {COLUMNS} FROM {SCHEDULES}
    WHERE ended.state = 'applied' AND ended.config_version > :after AND ended.config_version <= :last
    ORDER BY ended.config_version
""")  # noqa: S608 - no word of it comes from outside

MISSED_AFTER = text(f"""
    SELECT {COLUMNS} FROM {SCHEDULES} WHERE ended.state = 'missed' AND ended.ended_at > :after
    ORDER BY ended.ended_at LIMIT :limit
""")  # noqa: S608 - no word of it comes from outside

PLANNED_BY_COMMAND = text(f"""
    SELECT {COLUMNS}, schedule.command_hash, schedule.config_version AS version_then
    FROM {SCHEDULES} WHERE schedule.command_id = :command_id
""")  # noqa: S608 - no word of it comes from outside

CANCELLED_BY_COMMAND = text(f"""
    SELECT {COLUMNS}, ended.command_hash FROM {SCHEDULES} WHERE ended.command_id = :command_id
""")  # noqa: S608 - no word of it comes from outside

INSERT = text("""
    INSERT INTO risk_configuration_schedules (schedule_id, command_id, command_hash, new_risk_percent, effective_at,
        reason, planned_by, planned_at, config_version)
    VALUES (:schedule_id, :command_id, :command_hash, :new_risk_percent, :effective_at,
        :reason, :planned_by, :planned_at, :config_version)
""")

INSERT_END = text("""
    INSERT INTO risk_configuration_schedule_ends (schedule_id, state, ended_at, ended_by, config_version, command_id,
        command_hash)
    VALUES (:schedule_id, :state, :ended_at, :ended_by, :config_version, :command_id, :command_hash)
""")


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A planned change, and in how many seconds it is due; below 0 it is overdue."""

    schedule: Schedule
    due_in_s: float


async def read_plans(connection: AsyncConnection, command: AnyCommand) -> Plans:
    """What `command` has to know of the planned changes."""
    match command:
        case ScheduleRiskPercent():
            return Plans(count=(await connection.execute(COUNT)).scalar_one())
        case CancelSchedule(schedule_id=schedule_id):
            return Plans(named=await _named(connection, schedule_id))
    return Plans()


async def read_next(connection: AsyncConnection) -> Upcoming | None:
    """The planned change that is due first; None where none is planned."""
    row = (await connection.execute(NEXT)).one_or_none()
    return Upcoming(_schedule(row), row.due_in_s) if row else None


async def read_schedules(
    connection: AsyncConnection, *, limit: int, before: UUID | None, state: ScheduleState | None
) -> list[Schedule]:
    """At most `limit` schedules that were planned earlier than `before`, the last planned first."""
    rows = await connection.execute(PAGE, {"limit": limit, "before": before, "state": state})
    return [_schedule(row) for row in rows]


async def read_makers(connection: AsyncConnection, *, after: int, last: int) -> list[Schedule]:
    """The schedules that made the versions above `after`, up to `last`, which the caller has read before."""
    rows = await connection.execute(MADE, {"after": after, "last": last})
    return [_schedule(row) for row in rows]


async def read_missed_after(connection: AsyncConnection, after: datetime, *, limit: int) -> list[Schedule]:
    """At most `limit` schedules that were missed after `after`, the first first. They end under the head's lock."""
    rows = await connection.execute(MISSED_AFTER, {"after": after, "limit": limit})
    return [_schedule(row) for row in rows]


async def find_planned(connection: AsyncConnection, command_id: str) -> tuple[Schedule, bytes, int] | None:
    """What a command planned, as it was then: the schedule, the command's hash, and the version then in force."""
    row = (await connection.execute(PLANNED_BY_COMMAND, {"command_id": command_id})).one_or_none()
    if row is None:
        return None
    unended = {"state": "planned", "ended_at": None, "ended_by": None, "config_version": None}
    return _schedule(row).model_copy(update=unended), row.command_hash, row.version_then


async def find_cancelled(connection: AsyncConnection, command_id: str) -> tuple[Schedule, bytes, int] | None:
    """What a command took back: the schedule, the command's hash, and the version then in force."""
    row = (await connection.execute(CANCELLED_BY_COMMAND, {"command_id": command_id})).one_or_none()
    return (_schedule(row), row.command_hash, row.config_version) if row else None


async def insert_schedule(
    connection: AsyncConnection, schedule: Schedule, *, command_id: str, command_hash: bytes, config_version: int
) -> None:
    """Plan a change, under `config_version`."""
    values = schedule.model_dump(include={"schedule_id", "new_risk_percent", "effective_at", "reason"})
    who = {"planned_by": schedule.planned_by, "planned_at": schedule.planned_at}
    command = {"command_id": command_id, "command_hash": command_hash, "config_version": config_version}
    await connection.execute(INSERT, {**values, **who, **command})


async def insert_end(
    connection: AsyncConnection, schedule: Schedule, *, command_id: str | None = None, command_hash: bytes | None = None
) -> None:
    """Write down how a schedule ended; by a command where it was cancelled."""
    values = schedule.model_dump(include={"schedule_id", "state", "ended_at", "ended_by", "config_version"})
    await connection.execute(INSERT_END, {**values, "command_id": command_id, "command_hash": command_hash})


async def _named(connection: AsyncConnection, schedule_id: str) -> Schedule | None:
    try:
        wanted = parse_uuid(schedule_id)
    except ValueError:
        return None
    row = (await connection.execute(NAMED, {"schedule_id": wanted})).one_or_none()
    return _schedule(row) if row else None


def _schedule(row: Row[Any]) -> Schedule:
    return Schedule(
        schedule_id=row.schedule_id,
        state=row.state,
        new_risk_percent=shortest(row.new_risk_percent),
        effective_at=row.effective_at,
        reason=row.reason,
        planned_by=row.planned_by,
        planned_at=row.planned_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        config_version=row.config_version,
    )
