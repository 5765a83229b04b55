"""Databases of the test's own: migrated, or empty."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from dev.stack.workspace import Workspace
from shared.database.engine import DatabaseSettings, asyncpg_url, connect_database


@pytest.fixture
def empty_database_url(session_workspace: Workspace) -> Iterator[str]:
    """A database with nothing in it."""
    with session_workspace.new_database(empty=True) as url:
        yield url


@pytest.fixture
async def common_database(session_workspace: Workspace) -> AsyncIterator[AsyncEngine]:
    """The session's database, for tests that leave it as it was."""
    engine = create_async_engine(asyncpg_url(session_workspace.database_url), poolclass=NullPool)
    yield engine
    await engine.dispose()


@pytest.fixture
async def service_engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine as a service has it, with short waits."""
    engine = _service_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def common_service_engine(session_workspace: Workspace) -> AsyncIterator[AsyncEngine]:
    """The same, on the session's database."""
    engine = _service_engine(session_workspace.database_url)
    yield engine
    await engine.dispose()


def _service_engine(url: str) -> AsyncEngine:
    settings = DatabaseSettings(
        database_url=SecretStr(url),
        database_statement_timeout_seconds=1,
        database_lock_timeout_seconds=0.2,
    )
    return connect_database(settings, application="test")
