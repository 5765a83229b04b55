"""More decisions than could be made in a minute: those that were made, copied under other ids and older dates."""

from __future__ import annotations

from sqlalchemy import DateTime, Table, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from shared.database import tables
from shared.database.engine import asyncpg_url

# A day to a week old: none of them holds margin any more, none of them is forgotten yet.
IDS = text("""
    CREATE TEMPORARY TABLE grown AS
    SELECT decided.request_id AS of, gen_random_uuid() AS request_id, interval '1 day' * (1 + random() * 6) AS age
    FROM (SELECT request_id FROM decisions) AS decided, generate_series(1, :copies) LIMIT :missing
""")
# Every reference is copied with what it refers to; checking each of a million would take longer than the copy.
UNCHECKED = text("SET LOCAL session_replication_role = replica")


async def decisions_in(database_url: str) -> int:
    """How many decisions lie in a database."""
    engine = create_async_engine(asyncpg_url(database_url))
    async with engine.connect() as connection:
        number = await _decisions(connection)
    await engine.dispose()
    return number


async def grow(database_url: str, *, decisions: int) -> None:
    """Copy what a database holds of decisions until it holds so many, and leave it vacuumed. Needs a superuser."""
    engine = create_async_engine(asyncpg_url(database_url))
    async with engine.begin() as connection:
        there = await _decisions(connection)
        missing = decisions - there
        if missing > 0:
            await connection.execute(UNCHECKED)
            await connection.execute(IDS, {"copies": missing // there + 1, "missing": missing})
            for table in tables.metadata.sorted_tables:
                if "request_id" in table.c:
                    await connection.execute(text(_copy_statement(table)))
    async with engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("VACUUM (ANALYZE)"))
    await engine.dispose()


async def _decisions(connection: AsyncConnection) -> int:
    return int((await connection.execute(text("SELECT count(*) FROM decisions"))).scalar_one())


def _copy_statement(table: Table) -> str:
    """Copies of a table's rows, under their new ids, so much older; numbers of its own it makes itself."""
    columns = [column for column in table.c if column.identity is None]
    values = [
        "grown.request_id"
        if column.name == "request_id"
        else f"original.{column.name}{' - grown.age' if isinstance(column.type, DateTime) else ''}"
        for column in columns
    ]
    return (
        f"INSERT INTO {table.name} ({', '.join(column.name for column in columns)})"  # noqa: S608  our own names
        f" SELECT {', '.join(values)} FROM {table.name} AS original JOIN grown ON original.request_id = grown.of"
    )
