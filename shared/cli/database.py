"""The operator's connection to the database, for the time of one command."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from shared.database.engine import DatabaseSettings, connect_database
from shared.database.transaction import check_database
from shared.settings import load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine


class LookingBackSettings(DatabaseSettings):
    """As a service's, but more patient: to find one account's decisions among a million takes a while."""

    database_statement_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 120


@asynccontextmanager
async def database(application: str) -> AsyncIterator[AsyncEngine]:
    """An engine on a database of this release.

    Raises DeploymentError where LOTWISE_DATABASE_URL is missing or the schema is another's, DependencyError where the
    database is away.
    """
    engine = connect_database(load(LookingBackSettings), application=application)
    try:
        await check_database(engine)
        yield engine
    finally:
        await engine.dispose()
