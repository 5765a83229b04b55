"""The migrations: from nothing to the schema that the tables in code describe, and back to nothing."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from dev.stack.workspace import Workspace
from shared.database.engine import asyncpg_url
from shared.database.tables import metadata
from tests.integration.database.schema import alembic, description, objects

BOOKKEEPING = {("r", "alembic_version"), ("i", "alembic_version_pkc")} | {
    ("type", "alembic_version"),
    ("type", "_alembic_version"),
}
"""Alembic's own note of where it is; it outlives every migration."""


async def test_the_migrations_make_what_the_tables_in_code_say(
    database: AsyncEngine, session_workspace: Workspace
) -> None:
    with session_workspace.new_database(empty=True) as url:
        made = create_async_engine(asyncpg_url(url), poolclass=NullPool)
        async with made.begin() as connection:
            await connection.run_sync(metadata.create_all)
            expected = await description(connection)
        await made.dispose()

    async with database.connect() as connection:
        migrated = await description(connection)

    for part, rows in expected.items():
        assert migrated[part] == rows, part


async def test_downgrade_leaves_nothing_and_upgrade_makes_it_all_again(empty_database_url: str) -> None:
    engine = create_async_engine(asyncpg_url(empty_database_url), poolclass=NullPool)
    await alembic(empty_database_url, "upgrade", "head")
    async with engine.connect() as connection:
        first = await objects(connection)

    await alembic(empty_database_url, "downgrade", "base")
    async with engine.connect() as connection:
        left = await objects(connection)
    await alembic(empty_database_url, "upgrade", "head")
    async with engine.connect() as connection:
        second = await objects(connection)
    await engine.dispose()

    assert left == BOOKKEEPING
    assert second == first
