"""The sizing worker's background task: the audit table's partitions, made ahead."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from services.sizing_worker import store
from shared.database.transaction import transaction
from shared.errors import DependencyError

log = structlog.get_logger()

PARTITIONS_AHEAD_MONTHS = 2
PARTITIONS_EVERY_S = 3600.0


async def make_partitions(engine: AsyncEngine) -> None:
    """Every hour make the partitions of the next months, long before they are needed."""
    while True:
        try:
            async with transaction(engine) as connection:
                made = await store.create_partitions(connection, months=PARTITIONS_AHEAD_MONTHS)
            log.info("partitions.made", count=made)
        except DependencyError as error:
            log.warning("partitions.waiting", cause=str(error))
        await asyncio.sleep(PARTITIONS_EVERY_S)
