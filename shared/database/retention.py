"""The background tasks that forget what is old: partition by partition, or in small batches with pauses between.

Every step is a transaction of its own, so a task that is stopped anywhere goes on where it was; and replicas may all
run the same task, because the database lets one of them work at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import metrics
from shared.database.transaction import transaction
from shared.errors import DependencyError

log = structlog.get_logger()

EVERY_S = 3600.0
AGAIN_S = 10.0
"""After a step that did not get its lock, or while the database is away."""
PAUSE_S = 0.05
"""Between two steps: at least so long the table belongs to the traffic alone."""
FORGOTTEN_MAX = 1000
"""Decisions in one transaction."""

DROP_PARTITION = text("SELECT lotwise_drop_partition(:parent, :days)")
FORGET_DECISIONS = text("SELECT lotwise_forget_decisions(:days, :batch)")


async def drop_old_partitions(engine: AsyncEngine, table: Table, *, days: int) -> None:
    """Every hour drop the partitions of `table` whose last row is older than `days` days. 0: never."""

    async def drop_one() -> int:
        async with transaction(engine) as connection:
            dropped = (await connection.execute(DROP_PARTITION, {"parent": table.name, "days": days})).scalar()
        if dropped:
            log.info("partition.dropped", table=table.name, partition=dropped)
        return int(dropped is not None)

    await _keep_forgetting(table.name, drop_one if days else _nothing)


async def forget_decisions(engine: AsyncEngine, *, days: int) -> None:
    """Every hour forget the decisions that are older than `days` days, with records, reservations and outcomes.

    A reservation that still holds margin stays, and its decision with it.
    """

    async def forget_some() -> int:
        async with transaction(engine) as connection:
            names = {"days": days, "batch": FORGOTTEN_MAX}
            return int((await connection.execute(FORGET_DECISIONS, names)).scalar_one())

    await _keep_forgetting("decisions", forget_some)


async def forget_all(step: Callable[[], Awaitable[int]]) -> int:
    """Repeat `step` until it finds nothing; how much it removed. Raises DependencyError as it does."""
    total = 0
    while removed := await step():
        total += removed
        await asyncio.sleep(PAUSE_S)
    return total


async def _keep_forgetting(what: str, step: Callable[[], Awaitable[int]]) -> None:
    async def counted() -> int:
        removed = await step()
        metrics.RETENTION_REMOVED.labels(what).inc(removed)
        return removed

    while True:
        try:
            removed = await forget_all(counted)
        except DependencyError as error:
            log.warning("retention.waiting", what=what, cause=str(error))
            await asyncio.sleep(AGAIN_S)
            continue
        metrics.RETENTION_LAST_RUN.labels(what).set_to_current_time()
        if removed:
            log.info("retention.done", what=what, removed=removed)
        await asyncio.sleep(EVERY_S)


async def _nothing() -> int:
    return 0
