"""What is old goes, what is young or still holds margin stays, and nobody waits for it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from dev.waiting import eventually
from shared.database.retention import drop_old_partitions, forget_decisions
from shared.database.tables import user_mt5_sync_logs
from tests.counting import Counted, told
from tests.integration.database.test_tables import scalars
from tests.integration.messaging.place import background
from tests.integration.sizing_worker.desk import Desk

OLD_PARTITION = """
    CREATE TABLE user_mt5_sync_logs_p20260101 PARTITION OF user_mt5_sync_logs
        FOR VALUES FROM ('2026-01-01 00:00Z') TO ('2026-01-02 00:00Z')
"""
LOGS = """
    INSERT INTO user_mt5_sync_logs (operation, sync_status, synced_at)
    SELECT 'snapshot', 'applied', at FROM unnest(CAST(ARRAY['2026-01-01 12:00Z', now()::text] AS timestamptz[])) AS at
"""
DECIDED = """
    WITH request AS (SELECT gen_random_uuid() AS id, now() - make_interval(days => :days) AS at
                     FROM generate_series(1, :count)),
         record AS (INSERT INTO decision_records (request_id, engine_version, record, decided_at)
                    SELECT id, 1, sha256('record'), at FROM request),
         outcome AS (INSERT INTO sizing_outcomes (request_id, outcome, occurred_at, arrived_at)
                     SELECT id, 'executed', at, at FROM request)
    INSERT INTO decisions (request_id, content_hash, reply, decided_at)
    SELECT id, sha256('content'), 'reply', at FROM request
"""
RESERVED = """
    INSERT INTO margin_reservations (request_id, user_mt5_account_id, margin, decided_at, expires_at)
    SELECT request_id, (SELECT id FROM user_mt5_accounts), 1, decided_at, decided_at + interval '2 minutes'
    FROM decision_records
"""


async def execute(database: AsyncEngine, statement: str, **parameters: int) -> None:
    async with database.begin() as connection:
        await connection.execute(text(statement), parameters)


async def counts(database: AsyncEngine) -> list[int]:
    tables = ("decisions", "decision_records", "sizing_outcomes", "margin_reservations")
    return [(await scalars(database, f"SELECT count(*) FROM {table}"))[0] for table in tables]  # noqa: S608


async def call(database: AsyncEngine, function: str) -> Any:
    async with database.begin() as connection:
        return (await connection.execute(text(f"SELECT {function}"))).scalar()


async def forget(database: AsyncEngine, *, days: int = 30, batch: int = 1000) -> Any:
    return await call(database, f"lotwise_forget_decisions({days}, {batch})")


async def drop(database: AsyncEngine, *, days: int = 90) -> Any:
    return await call(database, f"lotwise_drop_partition('user_mt5_sync_logs', {days})")


async def let_snapshots_end(database: AsyncEngine) -> None:
    """The account's last one is from before everything that was approved."""
    await execute(database, "UPDATE user_mt5_accounts SET last_synced_at = now() - interval '41 days'")
    await execute(database, "UPDATE user_mt5_account_details SET arrived_at = now() - interval '41 days'")


async def test_an_old_decision_goes_with_all_that_is_kept_of_it_and_a_young_one_stays(database: AsyncEngine) -> None:
    await execute(database, DECIDED, days=31, count=3)
    await execute(database, DECIDED, days=29, count=2)

    assert await forget(database) == 3
    assert await counts(database) == [2, 2, 2, 0]


async def test_a_batch_forgets_no_more_than_its_size(database: AsyncEngine) -> None:
    await execute(database, DECIDED, days=31, count=5)

    assert [await forget(database, batch=2) for _ in range(4)] == [2, 2, 1, 0]


async def test_a_reservation_that_still_holds_margin_is_never_forgotten(database: AsyncEngine) -> None:
    """No snapshot has come since: the account's last one is older than the approval."""
    await Desk(database).account()
    await execute(database, DECIDED, days=40, count=1)
    await execute(database, "DELETE FROM sizing_outcomes")
    await execute(database, RESERVED)
    await let_snapshots_end(database)

    assert await forget(database) == 0
    assert await counts(database) == [1, 1, 0, 1]


async def test_a_reservation_that_a_snapshot_released_is_forgotten(database: AsyncEngine) -> None:
    await Desk(database).account()
    await execute(database, DECIDED, days=40, count=1)
    await execute(database, "DELETE FROM sizing_outcomes")
    await execute(database, RESERVED)

    assert await forget(database) == 1
    assert await counts(database) == [0, 0, 0, 0]


async def test_live_reservations_do_not_stand_in_the_way_of_what_comes_after_them(database: AsyncEngine) -> None:
    await Desk(database).account()
    await execute(database, DECIDED, days=40, count=3)
    await execute(database, "DELETE FROM sizing_outcomes")
    await execute(database, RESERVED)
    await let_snapshots_end(database)
    await execute(database, DECIDED, days=31, count=1)

    assert await forget(database, batch=1) == 1
    assert await counts(database) == [3, 3, 0, 3]


async def test_an_old_outcome_of_what_was_never_decided_goes_too(database: AsyncEngine) -> None:
    await execute(database, DECIDED, days=31, count=2)
    await execute(database, "DELETE FROM decision_records")

    assert await forget(database) == 2
    assert (await counts(database))[2] == 0


@pytest.mark.alone
async def test_what_another_transaction_holds_is_passed_over_without_waiting(database: AsyncEngine) -> None:
    await execute(database, DECIDED, days=31, count=3)
    async with database.begin() as reader:
        await reader.execute(text("SELECT * FROM decision_records LIMIT 1 FOR UPDATE"))
        started = time.monotonic()

        forgotten = await forget(database)

    assert forgotten == 2
    assert time.monotonic() - started < 1


async def test_of_two_replicas_one_works(database: AsyncEngine) -> None:
    await execute(database, DECIDED, days=31, count=3)
    async with database.begin() as first:
        await first.execute(text("SELECT lotwise_forget_decisions(30, 1)"))

        assert await forget(database) == 0

    assert await forget(database) == 2


async def test_the_task_of_two_replicas_forgets_everything_that_is_old(
    database: AsyncEngine, service_engine: AsyncEngine
) -> None:
    await execute(database, DECIDED, days=31, count=2500)
    await execute(database, DECIDED, days=1, count=10)
    tasks = [asyncio.create_task(forget_decisions(service_engine, days=30)) for _ in range(2)]

    async def done() -> bool:
        return await counts(database) == [10, 10, 10, 0]

    await eventually(done)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_what_the_tasks_removed_is_counted_by_what_it_was(
    database: AsyncEngine, service_engine: AsyncEngine
) -> None:
    removed = Counted("lotwise_retention_removed_total")
    await execute(database, DECIDED, days=31, count=3)
    await execute(database, DECIDED, days=1, count=2)
    await execute(database, OLD_PARTITION)

    async def all_removed() -> bool:
        return removed.by("what") == {("decisions",): 3, ("user_mt5_sync_logs",): 1}

    async with background(
        forget_decisions(service_engine, days=30), drop_old_partitions(service_engine, user_mt5_sync_logs, days=90)
    ):
        await eventually(all_removed)


async def test_when_a_task_last_found_nothing_more_to_forget_is_told(service_engine: AsyncEngine) -> None:
    def last_run() -> float:
        return told("lotwise_retention_last_run_timestamp_seconds", what="decisions") or 0.0

    started = time.time()

    async def done() -> bool:
        return last_run() >= started

    async with background(forget_decisions(service_engine, days=30)):
        await eventually(done)

    assert last_run() <= time.time()


async def test_a_dropped_partition_takes_its_own_rows_only(database: AsyncEngine) -> None:
    await execute(database, OLD_PARTITION)
    await execute(database, LOGS)

    dropped = [await drop(database), await drop(database)]

    assert dropped == ["user_mt5_sync_logs_p20260101", None]
    assert await scalars(database, "SELECT synced_at > now() - interval '1 hour' FROM user_mt5_sync_logs") == [True]


async def test_a_partition_whose_last_instant_is_young_stays(database: AsyncEngine) -> None:
    """Yesterday's is not one whole day old before tomorrow."""
    await execute(
        database,
        """
        DO $$ BEGIN EXECUTE format(
            'CREATE TABLE %I PARTITION OF user_mt5_sync_logs FOR VALUES FROM (%L) TO (%L)',
            'user_mt5_sync_logs_p' || to_char(now() AT TIME ZONE 'UTC' - interval '1 day', 'YYYYMMDD'),
            date_trunc('day', now(), 'UTC') - interval '1 day', date_trunc('day', now(), 'UTC'));
        END $$
        """,
    )

    assert await drop(database, days=1) is None


@pytest.mark.alone
async def test_a_drop_gives_way_to_traffic_and_is_done_later(
    database: AsyncEngine, service_engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.database.retention.AGAIN_S", 0.1)
    await execute(database, OLD_PARTITION)
    async with database.begin() as traffic:
        await traffic.execute(text(LOGS))
        task = asyncio.create_task(drop_old_partitions(service_engine, user_mt5_sync_logs, days=90))

        async def waited() -> bool:
            return bool(
                await scalars(database, "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted")
            )

        await eventually(waited)
        started = time.monotonic()
        await execute(database, LOGS)  # behind the drop that waits
        blocked_s = time.monotonic() - started

    async def dropped() -> bool:
        return await scalars(database, "SELECT to_regclass('user_mt5_sync_logs_p20260101') IS NULL") == [True]

    await eventually(dropped)
    task.cancel()
    await asyncio.wait([task])
    assert blocked_s < 1


@pytest.mark.parametrize(
    "function",
    [
        "lotwise_forget_decisions(0, 1000)",
        "lotwise_forget_decisions(30, 0)",
        "lotwise_forget_decisions(NULL, 1000)",
        "lotwise_drop_partition('user_mt5_sync_logs', 0)",
        "lotwise_drop_partition('decisions', 90)",
        "lotwise_drop_partition('user_mt5_sync_logs', NULL)",
    ],
)
async def test_nothing_else_can_be_removed(database: AsyncEngine, function: str) -> None:
    with pytest.raises(DBAPIError, match=r"dropped|forgotten at once"):
        await call(database, function)
