"""The SQL of the config service. The highest row of risk_configuration_history is the configuration in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.config_service import schedule_store
from services.config_service.verdict import Applied, Cancelled, Known, Order, Planned
from shared.schemas.config import ConfigChanged, EntrySplits
from shared.sizing.rounding import shortest

COLUMNS = """config_version, fixed_risk_percent, entry_1_percent, entry_2_percent, entry_3_percent,
    margin_buffer_percent, reason, updated_by, updated_at"""

# Versions are numbered under this lock, so they commit in their order.
LOCK = text("SELECT id FROM risk_configuration WHERE id = 1 FOR UPDATE")

NEWEST = text(f"""
    SELECT {COLUMNS}, clock_timestamp() AS now FROM risk_configuration_history ORDER BY config_version DESC LIMIT 1
""")  # noqa: S608 - no word of it comes from outside

VERSION = text(f"""
    SELECT {COLUMNS} FROM risk_configuration_history WHERE config_version = :version
""")  # noqa: S608 - no word of it comes from outside

# A command's version and the one before it: what its answer is made of, now and whenever it is repeated.
CHANGED_BY_COMMAND = text(f"""
    SELECT {COLUMNS}, command_hash FROM risk_configuration_history
    WHERE config_version >= (SELECT config_version FROM risk_configuration_history WHERE command_id = :command_id) - 1
    ORDER BY config_version LIMIT 2
""")  # noqa: S608 - no word of it comes from outside

PAGE = text(f"""
    SELECT {COLUMNS} FROM risk_configuration_history
    WHERE CAST(:before AS bigint) IS NULL OR config_version < CAST(:before AS bigint)
    ORDER BY config_version DESC LIMIT :limit
""")  # noqa: S608 - no word of it comes from outside

AFTER = text(f"""
    SELECT {COLUMNS} FROM risk_configuration_history
    WHERE config_version > :version ORDER BY config_version LIMIT :limit
""")  # noqa: S608 - no word of it comes from outside

INSERT_VERSION = text("""
    INSERT INTO risk_configuration_history (config_version, command_id, command_hash, fixed_risk_percent,
        entry_1_percent, entry_2_percent, entry_3_percent, margin_buffer_percent, reason, updated_by, updated_at)
    VALUES (:config_version, :command_id, :command_hash, :fixed_risk_percent,
        :entry_1_percent, :entry_2_percent, :entry_3_percent, :margin_buffer_percent, :reason, :updated_by, :updated_at)
""")

UPDATE_HEAD = text("""
    UPDATE risk_configuration
    SET fixed_risk_percent = :fixed_risk_percent, entry_1_percent = :entry_1_percent,
        entry_2_percent = :entry_2_percent, entry_3_percent = :entry_3_percent,
        margin_buffer_percent = :margin_buffer_percent, updated_by = :updated_by, updated_at = :updated_at
    WHERE id = 1
""")

INSERT_OUTBOX = text("INSERT INTO risk_configuration_outbox (config_version) VALUES (:config_version)")

PENDING = text(f"""
    SELECT {COLUMNS}, count(*) OVER () AS pending,
           CAST(EXTRACT(EPOCH FROM clock_timestamp() - min(outbox.created_at) OVER ()) AS float8) AS oldest_age_s
    FROM risk_configuration_history JOIN risk_configuration_outbox AS outbox USING (config_version)
    ORDER BY config_version LIMIT :limit
""")  # noqa: S608 - no word of it comes from outside

DELETE_OUTBOX = text("DELETE FROM risk_configuration_outbox WHERE config_version = :config_version")


@dataclass(frozen=True, slots=True)
class Head:
    """The configuration in force, and the database's clock when it was read."""

    config: ConfigChanged
    now: datetime


@dataclass(frozen=True, slots=True)
class Outbox:
    """The oldest versions still to be broadcast, in their order; how many there are in all; the age of the oldest."""

    versions: Sequence[ConfigChanged]
    pending: int
    oldest_age_s: float


async def lock_head(connection: AsyncConnection) -> None:
    """Make whoever else would change the configuration wait for the end of this transaction."""
    (await connection.execute(LOCK)).one()


async def read_head(connection: AsyncConnection) -> Head:
    """The whole configuration, in one statement."""
    row = (await connection.execute(NEWEST)).one()
    return Head(_configuration(row), row.now)


async def find_command(connection: AsyncConnection, command_id: str) -> Known | None:
    """What a command did when it was obeyed; None where it never was."""
    rows = (await connection.execute(CHANGED_BY_COMMAND, {"command_id": command_id})).all()
    if rows:
        previous, made = rows
        return Known(made.command_hash, Applied(_configuration(made), _configuration(previous)))
    if planned := await schedule_store.find_planned(connection, command_id):
        schedule, content, version = planned
        return Known(content, Planned(schedule, await _read_version(connection, version)))
    if cancelled := await schedule_store.find_cancelled(connection, command_id):
        schedule, content, version = cancelled
        return Known(content, Cancelled(schedule, await _read_version(connection, version)))
    return None


async def save(connection: AsyncConnection, done: Applied | Planned | Cancelled, order: Order, content: bytes) -> None:
    """Write down what `order`, whose content has the hash `content`, has done."""
    command_id = order.command.command_id
    match done:
        case Applied(config=config):
            await insert_version(connection, config, command_id=command_id, command_hash=content)
        case Planned(schedule=schedule, config=config):
            await schedule_store.insert_schedule(
                connection,
                schedule,
                command_id=command_id,
                command_hash=content,
                config_version=config.config_version,
            )
        case Cancelled(schedule=schedule):
            await schedule_store.insert_end(connection, schedule, command_id=command_id, command_hash=content)


async def insert_version(
    connection: AsyncConnection,
    config: ConfigChanged,
    *,
    command_id: str | None = None,
    command_hash: bytes | None = None,
) -> None:
    """Put the next version in force, into the history, and into the outbox of the broadcast.

    Without a command where a schedule made it.
    """
    values = _values(config)
    version = {"config_version": config.config_version}
    command = {"command_id": command_id, "command_hash": command_hash, "reason": config.reason}
    await connection.execute(INSERT_VERSION, {**values, **version, **command})
    await connection.execute(UPDATE_HEAD, values)
    await connection.execute(INSERT_OUTBOX, version)


async def read_history(connection: AsyncConnection, *, limit: int, before: int | None) -> list[ConfigChanged]:
    """At most `limit` versions below `before`, the newest first."""
    rows = await connection.execute(PAGE, {"limit": limit, "before": before})
    return [_configuration(row) for row in rows]


async def read_after(connection: AsyncConnection, version: int, *, limit: int) -> list[ConfigChanged]:
    """At most `limit` versions above `version`, the oldest first."""
    rows = await connection.execute(AFTER, {"version": version, "limit": limit})
    return [_configuration(row) for row in rows]


async def read_outbox(connection: AsyncConnection, *, limit: int) -> Outbox:
    """At most `limit` versions still to be broadcast."""
    rows = (await connection.execute(PENDING, {"limit": limit})).all()
    configurations = [_configuration(row) for row in rows]
    return Outbox(configurations, rows[0].pending, rows[0].oldest_age_s) if rows else Outbox(configurations, 0, 0.0)


async def delete_outbox(connection: AsyncConnection, version: int) -> None:
    """Forget a version that was broadcast."""
    await connection.execute(DELETE_OUTBOX, {"config_version": version})


async def _read_version(connection: AsyncConnection, version: int) -> ConfigChanged:
    return _configuration((await connection.execute(VERSION, {"version": version})).one())


def _configuration(row: Row[Any]) -> ConfigChanged:
    return ConfigChanged(
        config_version=row.config_version,
        fixed_risk_percent=shortest(row.fixed_risk_percent),
        entry_splits=EntrySplits(
            entry_1_percent=shortest(row.entry_1_percent),
            entry_2_percent=shortest(row.entry_2_percent),
            entry_3_percent=shortest(row.entry_3_percent),
        ),
        margin_buffer_percent=shortest(row.margin_buffer_percent),
        updated_at=row.updated_at,
        updated_by=row.updated_by,
        reason=row.reason,
    )


def _values(config: ConfigChanged) -> dict[str, object]:
    return {
        "fixed_risk_percent": config.fixed_risk_percent,
        **dict(config.entry_splits),
        "margin_buffer_percent": config.margin_buffer_percent,
        "updated_by": config.updated_by,
        "updated_at": config.updated_at,
    }
