"""The sync consumer's background tasks: accounts that grew stale are shown as such, and all are counted by status."""

from __future__ import annotations

import asyncio
from typing import get_args

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from services.sync_consumer import store
from services.sync_consumer.counts import ACCOUNTS, STALE_ACCOUNTS_MARKED
from services.sync_consumer.snapshot import SyncStatus
from shared.database.transaction import driver_transaction
from shared.errors import DependencyError

log = structlog.get_logger()

STALE_MARKED_MAX = 1000
"""Accounts marked in one transaction: short enough that no snapshot waits for it."""
COUNT_EVERY_S = 10.0


async def mark_stale_accounts(engine: AsyncEngine, *, freshness_s: int, every_s: float) -> None:
    """Every `every_s` seconds show as stale the accounts whose snapshot is older than `freshness_s`. For people
    only."""
    while True:
        try:
            async with driver_transaction(engine) as connection:
                marked = await store.mark_stale(connection, freshness_s=freshness_s, most=STALE_MARKED_MAX)
        except DependencyError as error:
            log.warning("stale_accounts.waiting", cause=str(error))
            marked = 0
        if marked:
            STALE_ACCOUNTS_MARKED.inc(marked)
            log.info("stale_accounts.marked", count=marked)
        if marked < STALE_MARKED_MAX:
            await asyncio.sleep(every_s)


async def count_accounts(engine: AsyncEngine) -> None:
    """Every ten seconds let the metrics tell how many accounts there are of each status; the last count stands while
    the database is away."""
    while True:
        try:
            async with driver_transaction(engine) as connection:
                counted = await store.count_accounts(connection)
            for status in get_args(SyncStatus):
                ACCOUNTS.labels(status).set(counted.get(status, 0))
        except DependencyError as error:
            log.warning("accounts.not_counted", cause=str(error))
        await asyncio.sleep(COUNT_EVERY_S)
