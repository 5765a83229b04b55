"""Which replica is on duty, and how far people have been told.

On duty is whoever holds an advisory lock, on a connection of its own, for as long as that lives. How far the news is
told is a row of the database, written through the same connection once a page of it was handed over: whoever takes
over begins exactly there. What was sent and not yet written down when a replica died is told again; nothing is left
out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.config_service import schedule_store, store
from shared.schemas.config import ConfigChanged, Schedule

PAGE_SIZE = 100

# Two integers have a key space of their own: sizing's advisory locks on account ids take the other.
TRY = text("SELECT pg_try_advisory_lock(hashtext('lotwise'), hashtext('notices'))")

# Whoever is on duty first begins at what is news now: what is older is no news.
BEGIN = text("""
    INSERT INTO notices_told (id, config_version, missed_at)
    SELECT 1, max(config_version),
           coalesce((SELECT max(ended_at) FROM risk_configuration_schedule_ends WHERE state = 'missed'), 'epoch')
    FROM risk_configuration_history
    ON CONFLICT (id) DO NOTHING
""")

TOLD = text("SELECT config_version, missed_at FROM notices_told WHERE id = 1")

RECORD = text("""
    UPDATE notices_told SET config_version = :version, missed_at = :missed_at, updated_at = clock_timestamp()
    WHERE id = 1
""")


@dataclass(frozen=True, slots=True)
class Position:
    """How far the news is told: the newest version, and when the plan was missed that was missed last.

    A plan that was applied is told with the version that it made, and has no position of its own.
    """

    version: int
    missed_at: datetime


@dataclass(frozen=True, slots=True)
class News:
    """What happened since a position: the version told last and those after it, the plans that ended, where it ends."""

    versions: list[ConfigChanged]
    ends: list[Schedule]
    position: Position


async def try_to_take(connection: AsyncConnection) -> bool:
    """Take the duty, unless another connection has it. Held until this one ends."""
    return bool((await connection.execute(TRY)).scalar_one())


async def read_position(connection: AsyncConnection) -> Position:
    """Where the news begins that nobody was told of. For whoever is on duty."""
    await connection.execute(BEGIN)
    row = (await connection.execute(TOLD)).one()
    return Position(row.config_version, row.missed_at)


async def record(connection: AsyncConnection, told: Position) -> None:
    """Write down how far people were told, through the connection that holds the duty: who lost it writes nothing."""
    await connection.execute(RECORD, {"version": told.version, "missed_at": told.missed_at})


async def read_news(connection: AsyncConnection, since: Position) -> News:
    """At most a page of what happened since: the versions, the plans that made them, and the plans that were missed."""
    versions = await store.read_after(connection, since.version - 1, limit=PAGE_SIZE)
    newest = versions[-1].config_version if versions else since.version
    applied = await schedule_store.read_makers(connection, after=since.version, last=newest)
    missed = await schedule_store.read_missed_after(connection, since.missed_at, limit=PAGE_SIZE)
    return News(versions, [*applied, *missed], Position(newest, _last(missed) or since.missed_at))


def _last(missed: list[Schedule]) -> datetime | None:
    return missed[-1].ended_at if missed else None
