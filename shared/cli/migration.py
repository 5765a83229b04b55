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
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.cli.role_making import LOCK_WAIT_S, operator_transaction, refusals
from shared.cli.terminal import say
from shared.database.engine import CONNECT_TIMEOUT_S, asyncpg_url
from shared.database.grants import OBJECTS, database_and_owner, mend_grants
from shared.database.privileges import owner_role
from shared.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection

    from shared.database.roles import RoleSettings

MIGRATING_LOCK = 4_201_776_001
"""Key of the advisory lock that two operators, or two containers starting at once, take one after the other."""


async def migrate_database(settings: RoleSettings) -> None:
    """Migrate to the newest revision, make the grants, and say what was done.

    Raises DependencyError where the database is away or busy, DeploymentError where it refuses us or is of a newer
    release.
    """
    owner = owner_role(settings.database_role_prefix)
    async with refusals(), _alone(settings) as connection:
        name, found = await database_and_owner(connection)
        await _upgrade(connection, as_role=owner if found == owner else None)
        if found == owner:
            await _grant(settings, owner)
        else:
            say(
                f"nothing granted: database {name} is owned by {found}, not by {owner}; `lotwise roles` makes the roles"
            )


async def _upgrade(connection: AsyncConnection, *, as_role: str | None) -> None:
    """Run what is missing of the migrations, as the role that is to own the tables; None: as whom we connect."""
    config = _config()
    config.attributes["role"] = as_role
    scripts = ScriptDirectory.from_config(config)
    head = scripts.get_current_head() or "nothing"
    before = await _revision(connection)
    if before == head:
        say(f"the database is at migration {head} already")
        return
    for revision in _missing(scripts, before):
        say(f"  {revision}")
    # Alembic runs its own event loop in `migrations/env.py`, so it gets a thread.
    await asyncio.to_thread(command.upgrade, config, "head")
    say(f"database migrated: {before or 'empty'} → {head}")


async def _grant(settings: RoleSettings, owner: str) -> None:
    """Mend what was granted by hand, grant what is new; in one transaction, as the owner of the tables."""
    async with operator_transaction(settings, as_role=owner) as connection:
        done = await mend_grants(connection, settings.database_role_prefix, kinds=OBJECTS)
    for difference in done:
        say(f"  {difference.statement}")
    say(f"grants made: {len(done)}" if done else "every service's role has exactly what it needs already")


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
async def _alone(settings: RoleSettings) -> AsyncIterator[AsyncConnection]:
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
