"""The log tables' partitions: today's row is in today's, and making more never stops the service."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.database.test_tables import insert, insert_risk_log, scalars

SYNC_LOG: dict[str, Any] = {"operation": "snapshot", "sync_status": "applied"}
PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = '{}'::regclass ORDER BY 1"


async def make(database: AsyncEngine, parent: str, ahead: int) -> int:
    async with database.begin() as connection:
        statement = text("SELECT lotwise_create_partitions(:parent, :ahead)")
        made: int = (await connection.execute(statement, {"parent": parent, "ahead": ahead})).scalar_one()
        return made


async def test_todays_rows_land_in_todays_partition(database: AsyncEngine) -> None:
    await insert(database, "user_mt5_sync_logs", SYNC_LOG)
    await insert_risk_log(database)

    today = await scalars(database, "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')")
    places = [
        *await scalars(database, "SELECT tableoid::regclass::text FROM user_mt5_sync_logs"),
        *await scalars(database, "SELECT tableoid::regclass::text FROM trade_setup_risk_logs"),
    ]
    assert places == [f"user_mt5_sync_logs_p{today[0]}", f"trade_setup_risk_logs_p{today[0][:6]}"]


async def test_a_row_of_no_partition_is_kept_in_the_default_one(database: AsyncEngine) -> None:
    await insert(database, "user_mt5_sync_logs", SYNC_LOG, synced_at="now() + interval '1 year'")

    assert await scalars(database, "SELECT count(*) FROM user_mt5_sync_logs_default") == [1]


async def test_a_week_of_days_and_two_more_months_are_made_by_the_migration(database: AsyncEngine) -> None:
    assert len(await scalars(database, PARTITIONS.format("user_mt5_sync_logs"))) == 1 + 8
    assert len(await scalars(database, PARTITIONS.format("trade_setup_risk_logs"))) == 1 + 3


async def test_making_what_is_there_makes_nothing(database: AsyncEngine) -> None:
    assert await make(database, "user_mt5_sync_logs", 7) == 0
    assert await make(database, "trade_setup_risk_logs", 2) == 0


async def test_what_is_missing_is_made(database: AsyncEngine) -> None:
    assert await make(database, "user_mt5_sync_logs", 10) == 3


async def test_days_follow_each_other_without_a_gap(database: AsyncEngine) -> None:
    await make(database, "user_mt5_sync_logs", 40)

    for days in (0, 20, 40):
        await insert(database, "user_mt5_sync_logs", SYNC_LOG, synced_at=f"now() + interval '{days} days'")

    assert await scalars(database, "SELECT count(*) FROM user_mt5_sync_logs_default") == [0]


async def test_two_replicas_may_make_them_at_once(database: AsyncEngine) -> None:
    made = await asyncio.gather(*(make(database, "user_mt5_sync_logs", 12) for _ in range(4)))

    assert sorted(made) == [0, 0, 0, 5]


@pytest.mark.parametrize(
    ("parent", "ahead"),
    [
        ("user_mt5_accounts", 1),
        ("pg_class", 1),
        ("nothing", 1),
        ("user_mt5_sync_logs", -1),
        ("user_mt5_sync_logs", 401),
    ],
)
async def test_nothing_else_is_made(database: AsyncEngine, parent: str, ahead: int) -> None:
    with pytest.raises(DBAPIError, match=r"no partitions are made"):
        await make(database, parent, ahead)


async def test_rows_that_fell_into_the_default_partition_move_into_their_own(database: AsyncEngine) -> None:
    """A service that starts after a long rest writes before it has made today's partition."""
    await insert(database, "user_mt5_sync_logs", SYNC_LOG, synced_at="now() + interval '9 days'")
    await insert(database, "user_mt5_sync_logs", SYNC_LOG, synced_at="now() + interval '1 year'")

    made = await make(database, "user_mt5_sync_logs", 10)

    assert made == 3
    assert await scalars(database, "SELECT count(*) FROM user_mt5_sync_logs_default") == [1]
    assert await scalars(database, "SELECT id FROM user_mt5_sync_logs ORDER BY id") == [1, 2]


async def test_partitions_are_all_alike(database: AsyncEngine) -> None:
    """Made by the migration, later, or out of the default one: the same columns, checks and indexes."""
    await make(database, "trade_setup_risk_logs", 4)
    shapes = await scalars(
        database,
        """
        SELECT DISTINCT (SELECT string_agg(attname || attnotnull, ',' ORDER BY attnum)
                         FROM pg_attribute WHERE attrelid = inhrelid AND attnum > 0)
            || (SELECT string_agg(pg_get_constraintdef(oid), ',' ORDER BY pg_get_constraintdef(oid))
                FROM pg_constraint WHERE conrelid = inhrelid AND contype <> 'n')
            || (SELECT count(*) FROM pg_index WHERE indrelid = inhrelid)
        FROM pg_inherits WHERE inhparent = 'trade_setup_risk_logs'::regclass
        """,
    )

    assert len(shapes) == 1
