"""The work of `lotwise migrate`: run Alembic, alone, from wherever the process was started."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.cli.terminal import say
from shared.database.engine import CONNECT_TIMEOUT_S, asyncpg_url
from shared.database.transaction import believed_certificate, database_errors
from shared.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection

    from shared.database.engine import OperatorSettings

MIGRATING_LOCK = 4_201_776_001
"""Key of the advisory lock that two operators, or two containers starting at once, take one after the other."""
LOCK_WAIT_S = 60


async def migrate_database(settings: OperatorSettings) -> None:
    """Migrate to the newest revision and say from where to where.

    Raises DependencyError where the database is away or busy, DeploymentError where it refuses us or is of a newer
    release.
    """
    config = _config()
    scripts = ScriptDirectory.from_config(config)
    head = scripts.get_current_head() or "nothing"
    async with _refusals(), _alone(settings) as connection:
        before = await _revision(connection)
        if before == head:
            say(f"the database is at migration {head} already")
            return
        for revision in _missing(scripts, before):
            say(f"  {revision}")
        # Alembic runs its own event loop in `migrations/env.py`, so it gets a thread.
        await asyncio.to_thread(command.upgrade, config, "head")
    say(f"database migrated: {before or 'empty'} → {head}")


def _config() -> Config:
    """Alembic's configuration, wherever the process was started."""
    package = find_spec("migrations")
    if package is None or not package.submodule_search_locations:
        raise DeploymentError("the package `migrations` is not installed; install the whole of Lotwise")
    config = Config()
    config.set_main_option("script_location", package.submodule_search_locations[0].replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@asynccontextmanager
async def _refusals() -> AsyncIterator[None]:
    """Raise DependencyError where the database is away, DeploymentError where it refuses us."""
    try:
        async with believed_certificate(), database_errors():
            yield
    except DBAPIError as error:
        raise DeploymentError(
            f"LOTWISE_DATABASE_URL: the database refuses: {str(error.orig).splitlines()[0]}"
        ) from error


@asynccontextmanager
async def _alone(settings: OperatorSettings) -> AsyncIterator[AsyncConnection]:
    """A connection while which lives nobody else migrates."""
    engine = create_async_engine(
        asyncpg_url(settings.database_url.get_secret_value()),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": CONNECT_TIMEOUT_S, "server_settings": {"lock_timeout": f"{LOCK_WAIT_S}s"}},
    )
    async with engine.connect() as connection:
        await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATING_LOCK})
        yield connection


async def _revision(connection: AsyncConnection) -> str | None:
    return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


def _missing(scripts: ScriptDirectory, before: str | None) -> list[str]:
    """What is to be done, oldest first: number and first line of each migration."""
    try:
        missing = list(scripts.iterate_revisions("head", before or "base"))
    except RevisionError:
        raise DeploymentError(
            f"the database is at migration {before}, which this release does not know; use the newer release"
        ) from None
    return [f"{script.revision}  {script.doc}" for script in reversed(missing)]
