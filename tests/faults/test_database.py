"""The database dies, freezes, throws everybody out, takes nobody in, has no room, is changed under traffic."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from dev.stack.workspace import run_command
from dev.waiting import eventually
from shared.database.engine import asyncpg_url
from tests.faults import disk
from tests.faults.book import Page
from tests.faults.operator import until_nobody_is_ready
from tests.faults.system import System, parked_nothing, told
from tests.faults.trial import trial

BACK_WITHIN_S = 10.0
FROZEN_S = 12.0
TERMINATING_S = 15.0
TERMINATE_EVERY_S = 0.1
FULL_S = 15.0
MIGRATIONS = 3
EVERYBODY_ELSE = "pid <> pg_backend_pid() AND datname = current_database() AND usename <> current_user"
TERMINATE = text(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {EVERYBODY_ELSE}")  # noqa: S608 - our own words
OUTDATED = (
    "ALTER TABLE user_mt5_accounts ADD COLUMN added text",
    "ALTER TABLE decisions ADD COLUMN added text NOT NULL DEFAULT 'x'",
    "ALTER TABLE risk_configuration ADD COLUMN added integer",
    "CREATE INDEX added_index ON user_mt5_accounts (updated_at)",
    "DROP INDEX added_index",
    "ALTER TABLE risk_configuration DROP COLUMN added",
    "ALTER TABLE decisions DROP COLUMN added",
    "ALTER TABLE user_mt5_accounts DROP COLUMN added",
)
LOCK_TIMEOUT = text("SET lock_timeout = '2s'")


@asynccontextmanager
async def operator(system: System) -> AsyncIterator[AsyncConnection]:
    """A superuser's connection that commits each statement, past every proxy."""
    engine = create_async_engine(
        asyncpg_url(system.workspace.database_url), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


@pytest.mark.short
@pytest.mark.fault(23, "database killed and started again")
async def test_a_database_that_is_killed_loses_nothing_that_it_committed(guest: System, page: Page) -> None:
    async with trial(guest, page, within_s=BACK_WITHIN_S):
        await asyncio.to_thread(guest.database.kill)
        await asyncio.to_thread(guest.database.start)
    assert parked_nothing(guest)


@pytest.mark.fault(24, "database frozen for 12 s")
async def test_a_frozen_database_is_waited_for(guest: System, page: Page) -> None:
    async with trial(guest, page, within_s=BACK_WITHIN_S):
        frozen = guest.database.freeze()
        try:
            await asyncio.sleep(FROZEN_S)  # the length of the fault
        finally:
            guest.database.thaw(frozen)
    assert parked_nothing(guest)


@pytest.mark.fault(25, "all sessions of the database terminated again and again for 15 s")
async def test_sessions_terminated_again_and_again_lose_nothing(guest: System, page: Page) -> None:
    terminated = 0
    async with trial(guest, page, within_s=BACK_WITHIN_S), operator(guest) as connection:
        ends_at = asyncio.get_running_loop().time() + TERMINATING_S
        while asyncio.get_running_loop().time() < ends_at:
            terminated += (await connection.execute(TERMINATE)).scalar_one()
            await asyncio.sleep(TERMINATE_EVERY_S)  # between two of them
    page.note(f"{terminated} sessions")
    assert terminated > 10
    assert parked_nothing(guest)


@pytest.mark.fault(27, "too many connections to the database for 15 s")
async def test_a_database_that_takes_nobody_in_is_waited_for(guest: System, page: Page) -> None:
    async with operator(guest) as connection:
        name = (await connection.execute(text("SELECT current_database()"))).scalar_one()
        async with trial(guest, page, within_s=BACK_WITHIN_S):
            await connection.execute(text(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0'))
            await connection.execute(TERMINATE)
            await until_nobody_is_ready(guest)
            await asyncio.sleep(FULL_S)  # the length of the fault
            await connection.execute(text(f'ALTER DATABASE "{name}" CONNECTION LIMIT -1'))
    assert _refused_for(guest, "too many connections")
    assert parked_nothing(guest)


@pytest.mark.fault(28, "disk of the database full for 15 s")
async def test_a_full_disk_is_waited_for_and_parks_nothing(
    tablespace: disk.SmallDisk, guest: System, page: Page
) -> None:
    await tablespace.take_in(guest.workspace.database_url)
    async with trial(guest, page, within_s=BACK_WITHIN_S):
        await asyncio.to_thread(tablespace.fill)
        await eventually(lambda: _is_refused_for(guest, "No space left on device"), timeout_s=60)
        await asyncio.sleep(FULL_S)  # the length of the fault
        await asyncio.to_thread(tablespace.free)
    assert parked_nothing(guest)


async def _is_refused_for(system: System, cause: str) -> bool:
    return _refused_for(system, cause)


def _refused_for(system: System, cause: str) -> bool:
    """Whether a batch or a session failed for this cause."""
    events = ("batch.failed", "session.ended")
    entries = [entry for process in system.services for event in events for entry in told(process, event)]
    return any(cause in entry["cause"] for entry in entries)


@pytest.mark.fault(29, "migrations while traffic goes on")
async def test_migrations_under_traffic_delay_and_lose_nothing(guest: System, page: Page) -> None:
    environment: Mapping[str, str] = {
        "LOTWISE_DATABASE_URL": guest.workspace.owner_url(),
        "LOTWISE_DATABASE_ROLE_PREFIX": guest.workspace.name,
    }
    async with trial(guest, page, within_s=BACK_WITHIN_S) as traffic, operator(guest) as connection:
        await connection.execute(LOCK_TIMEOUT)
        for _ in range(MIGRATIONS):
            await asyncio.to_thread(run_command, "migrate", environment)
            for statement in OUTDATED:
                await connection.execute(text(statement))
                await traffic.until_answered(5)
    assert parked_nothing(guest)
