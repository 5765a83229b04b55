"""What the database writes: its log, and how much larger it is afterwards."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.database.engine import asyncpg_url

WRITTEN = text("""
    SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS wal, pg_database_size(current_database()) AS size
""")


@dataclass(frozen=True, slots=True)
class Written:
    """Bytes of write-ahead log, and of the database as it lies there."""

    wal_bytes: float
    size_bytes: float

    def each(self, since: Written, messages: int) -> Written:
        """What was written since, by message."""
        return Written((self.wal_bytes - since.wal_bytes) / messages, (self.size_bytes - since.size_bytes) / messages)


async def written(database_url: str) -> Written:
    """So far."""
    engine = create_async_engine(asyncpg_url(database_url))
    async with engine.connect() as connection:
        row = (await connection.execute(WRITTEN)).one()
    await engine.dispose()
    return Written(float(row.wal), float(row.size))


def median_of(each: Sequence[Written]) -> Written:
    """The medians of both."""
    return Written(statistics.median(one.wal_bytes for one in each), statistics.median(one.size_bytes for one in each))
