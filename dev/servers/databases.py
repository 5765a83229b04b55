"""Making and dropping databases of one PostgreSQL server, callable inside a running event loop too."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.database.engine import asyncpg_url

CONNECT_TIMEOUT_S = 5.0
STATEMENT_TIMEOUT_S = 30.0
MAY_CREATE = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"


class DatabaseError(Exception):
    """The server cannot be reached, or refused; the message says why."""


def with_database(url: str, name: str) -> str:
    """Return the same server's and user's URL for another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def check_server(url: str) -> None:
    """Connect; DatabaseError where that fails or the user may make no databases."""
    if not _execute(url, MAY_CREATE):
        raise DatabaseError("this user may not create databases")


def database_exists(url: str, name: str) -> bool:
    """Tell whether the server has a database of this name."""
    return bool(_execute(url, "SELECT count(*) FROM pg_database WHERE datname = :name", {"name": name}))


def create_database(url: str, name: str, *, template: str | None = None) -> str:
    """Make a database, empty or as a copy of a template that nobody is connected to; returns its URL."""
    copied = f" TEMPLATE {_quoted(template)}" if template else ""
    _execute(url, f"CREATE DATABASE {_quoted(name)}{copied}")
    return with_database(url, name)


def drop_database(url: str, name: str) -> None:
    """Drop a database, whoever is connected; nothing happens where it is gone. `url` names another one."""
    _execute(url, f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _execute(url: str, statement: str, parameters: dict[str, str] | None = None) -> object:
    """Run one statement outside a transaction, in a thread of its own, and return its first value, if it has rows."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _first_value(url, statement, parameters or {})).result()


async def _first_value(url: str, statement: str, parameters: dict[str, str]) -> object:
    engine = create_async_engine(
        asyncpg_url(url),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": CONNECT_TIMEOUT_S, "command_timeout": STATEMENT_TIMEOUT_S},
    )
    try:
        async with engine.connect() as connection:
            result = await connection.execute(text(statement), parameters)
            return result.scalar() if result.returns_rows else None
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        reason = str(getattr(error, "orig", None) or error) or type(error).__name__
        raise DatabaseError(reason.splitlines()[0]) from error
    finally:
        await engine.dispose()
