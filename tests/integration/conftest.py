"""One migrated database for the tests that only need it empty: emptying is ten times as fast as making another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from dev.stack.workspace import Workspace
from shared.database.engine import asyncpg_url

EMPTY = text("""
    DO $$ BEGIN
        DELETE FROM user_mt5_accounts; -- its details and reservations go with it
        DELETE FROM user_mt5_sync_logs;
        DELETE FROM mt5_instruments;
        DELETE FROM trade_setup_risk_logs;
        DELETE FROM decisions;
        DELETE FROM decision_records;
        DELETE FROM account_moves;
        DELETE FROM sizing_outcomes;
        DELETE FROM notices_told;
        DELETE FROM risk_configuration_outbox;
        DELETE FROM risk_configuration_schedule_ends;
        DELETE FROM risk_configuration_schedules;
        DELETE FROM risk_configuration_history WHERE config_version > 1;
    END $$
""")


@pytest.fixture(scope="session")
def handlers_database_url(session_workspace: Workspace) -> Iterator[str]:
    """A migrated database for the tests of handlers."""
    with session_workspace.new_database() as url:
        yield url


@pytest.fixture
async def emptied_database(handlers_database_url: str) -> AsyncIterator[AsyncEngine]:
    """That database as the migrations left it, but for the ids that were used up."""
    engine = create_async_engine(asyncpg_url(handlers_database_url), poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(EMPTY)
    yield engine
    await engine.dispose()
