"""The sync consumer's background task: accounts that grew stale are shown as such."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from services.sync_consumer import store
from shared import metrics
from shared.database.transaction import transaction
from shared.errors import DependencyError

log = structlog.get_logger()

STALE_MARKED_MAX = 1000
"""Accounts marked in one transaction: short enough that no snapshot waits for it."""


async def mark_stale_accounts(engine: AsyncEngine, *, freshness_s: int, every_s: float) -> None:
    """Every `every_s` seconds show as stale the accounts whose snapshot is older than `freshness_s`. For people
    only."""
    while True:
        try:
            async with transaction(engine) as connection:
                marked = await store.mark_stale(connection, freshness_s=freshness_s, most=STALE_MARKED_MAX)
        except DependencyError as error:
            log.warning("stale_accounts.waiting", cause=str(error))
            marked = 0
        if marked:
            metrics.STALE_ACCOUNTS_MARKED.inc(marked)
            log.info("stale_accounts.marked", count=marked)
        if marked < STALE_MARKED_MAX:
            await asyncio.sleep(every_s)
