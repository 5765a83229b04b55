"""One transaction, and what PostgreSQL's errors mean to us."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from asyncpg.exceptions import InvalidCachedStatementError, PostgresError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.errors import DependencyError, DeploymentError, UnknownOutcomeError, refused_certificate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

TRANSIENT_SQLSTATES = (
    "08",  # connection exceptions
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "53",  # insufficient resources: too many connections, disk full
    "55P03",  # lock_not_available
    "57014",  # query_canceled: our own statement timeout
    "57P",  # admin_shutdown, crash_shutdown, cannot_connect_now
)
MISSING_OBJECT_SQLSTATES = ("42P01", "42703", "42883")
HEAD_MIGRATION = "0009"


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction that commits at the end and rolls back on any exception.

    Raises DependencyError where the database is away or another transaction was in the way: then nothing is certain,
    a commit included, and the whole transaction may be run again.
    """
    async with database_errors(), engine.begin() as connection:
        yield connection


@asynccontextmanager
async def database_errors() -> AsyncIterator[None]:
    """Raise as DependencyError whatever waiting can mend; let bugs and data errors through."""
    try:
        yield
    except PoolTimeoutError:
        raise DependencyError("no database connection became free in time") from None
    except DBAPIError as error:
        if _is_transient(error):
            raise UnknownOutcomeError(f"the database went away or was busy: {_first_line(error)}") from error
        raise
    except OSError as error:  # refused, reset, and asyncpg's command timeout
        raise UnknownOutcomeError(f"the database cannot be reached: {type(error).__name__} {error}") from error


async def check_database(engine: AsyncEngine) -> None:
    """Make sure that the database answers and has this release's schema.

    Raises DependencyError where it is away, DeploymentError where it refuses us, where its certificate is not believed,
    or where it is not migrated.
    """
    try:
        async with believed_certificate(), transaction(engine) as connection:
            version = (await connection.execute(text("SELECT max(version_num) FROM alembic_version"))).scalar()
    except DBAPIError as error:
        if _sqlstate(error) in MISSING_OBJECT_SQLSTATES:
            raise DeploymentError("the database has no tables yet; run `lotwise migrate` as the operator") from None
        raise DeploymentError(f"LOTWISE_DATABASE_URL: the database refuses us: {_first_line(error)}") from None
    if version is None or version < HEAD_MIGRATION:
        raise DeploymentError(
            f"the database is at migration {version or 'none'}, this release needs {HEAD_MIGRATION};"
            " run `lotwise migrate` as the operator"
        )


@asynccontextmanager
async def believed_certificate() -> AsyncIterator[None]:
    """Raise DeploymentError where the database's certificate is not believed: waiting does not make it better."""
    try:
        yield
    except DependencyError as error:
        if fault := refused_certificate(error):
            raise DeploymentError(
                f"LOTWISE_DATABASE_URL: the database's certificate is not believed: {fault}; name its authority by"
                " sslrootcert"
            ) from None
        raise


async def ping(engine: AsyncEngine) -> None:
    """Raises DependencyError unless the database answers now."""
    async with transaction(engine) as connection:
        await connection.execute(text("SELECT 1"))


def _is_transient(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    cause: BaseException | None = error.orig
    while cause is not None:
        if isinstance(cause, InvalidCachedStatementError | OSError):
            return True
        cause = cause.__cause__
    return (_sqlstate(error) or "").startswith(TRANSIENT_SQLSTATES)


def _sqlstate(error: DBAPIError) -> str | None:
    cause: BaseException | None = error.orig
    while cause is not None:
        if isinstance(cause, PostgresError):
            return str(cause.sqlstate)
        cause = cause.__cause__
    return None


def _first_line(error: DBAPIError) -> str:
    """What PostgreSQL said, without the statement and its parameters."""
    return str(error.orig).splitlines()[0]
