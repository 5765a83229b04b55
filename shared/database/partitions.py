"""The background task that makes a log table's next partitions, long before they are needed."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.transaction import transaction
from shared.errors import DependencyError

log = structlog.get_logger()

EVERY_S = 3600.0

CREATE = text("SELECT lotwise_create_partitions(:parent, :ahead)")


async def make_partitions(engine: AsyncEngine, table: Table, *, ahead: int) -> None:
    """Every hour make what is missing of the current and the next `ahead` partitions (days or months, as the table
    is)."""
    while True:
        try:
            async with transaction(engine) as connection:
                made = (await connection.execute(CREATE, {"parent": table.name, "ahead": ahead})).scalar_one()
            log.info("partitions.made", table=table.name, count=made)
        except DependencyError as error:
            log.warning("partitions.waiting", table=table.name, cause=str(error))
        await asyncio.sleep(EVERY_S)
