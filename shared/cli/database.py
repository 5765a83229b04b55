"""The operator's connection to the database, for the time of one command."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from shared.database.engine import DatabaseSettings, connect_database
from shared.database.transaction import check_database
from shared.settings import load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine


@asynccontextmanager
async def database(application: str) -> AsyncIterator[AsyncEngine]:
    """An engine on a database of this release.

    Raises DeploymentError where LOTWISE_DATABASE_URL is missing or the schema is another's, DependencyError where the
    database is away.
    """
    engine = connect_database(load(DatabaseSettings), application=application)
    try:
        await check_database(engine)
        yield engine
    finally:
        await engine.dispose()
