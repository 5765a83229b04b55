"""The work of `lotwise roles`."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import typer
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.cli.terminal import EXIT_DIFFERENT, say
from shared.database.engine import CONNECT_TIMEOUT_S, OperatorSettings, asyncpg_url
from shared.database.roles import RolePlan, RoleSettings, make_roles, role_differences
from shared.database.transaction import believed_certificate, database_errors
from shared.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

LOCK_WAIT_S = 60


async def set_up_roles(settings: RoleSettings, passwords: Mapping[str, str]) -> None:
    """Make the roles, in one transaction, and say what was done.

    Raises DependencyError where the database is away or busy, DeploymentError where it refuses us.
    """
    async with operator_transaction(settings) as connection:
        done = await make_roles(connection, plan_of(settings), passwords=passwords)
    for line in done:
        say(f"  {line}")
    say("the database's roles are made; `lotwise migrate` grants them what they need")


async def check_roles(settings: RoleSettings) -> None:
    """Say each difference, and end with its own status where there is one."""
    async with operator_transaction(settings) as connection:
        found = await role_differences(connection, plan_of(settings))
    for line in found:
        say(line)
    if found:
        raise typer.Exit(EXIT_DIFFERENT)
    say(f"roles and grants of {settings.database_role_prefix} are exactly those of this release")


def plan_of(settings: RoleSettings) -> RolePlan:
    """The roles that the settings ask for."""
    return RolePlan(settings.database_role_prefix, settings.database_role_connections)


@asynccontextmanager
async def operator_transaction(
    settings: OperatorSettings, *, as_role: str | None = None
) -> AsyncIterator[AsyncConnection]:
    """One transaction with the operator's rights, or `as_role`'s; all of it is done or nothing.

    Raises DependencyError where the database is away or busy, DeploymentError where it refuses us.
    """
    engine = create_async_engine(
        asyncpg_url(settings.database_url.get_secret_value()),
        poolclass=NullPool,
        connect_args={
            "timeout": CONNECT_TIMEOUT_S,
            "server_settings": {"lock_timeout": f"{LOCK_WAIT_S}s", **({"role": as_role} if as_role else {})},
        },
    )
    async with refusals(), engine.begin() as connection:
        yield connection


@asynccontextmanager
async def refusals() -> AsyncIterator[None]:
    """Raise DependencyError where the database is away, DeploymentError where it refuses us."""
    try:
        async with believed_certificate(), database_errors():
            yield
    except DBAPIError as error:
        raise DeploymentError(
            f"LOTWISE_DATABASE_URL: the database refuses: {str(error.orig).splitlines()[0]}"
        ) from error
