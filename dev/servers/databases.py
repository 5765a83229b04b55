"""Making and dropping databases of one PostgreSQL server, callable inside a running event loop too."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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
    return bool(_execute(url, "SELECT count(*) FROM pg_database WHERE datname = :name", parameters={"name": name}))


def create_database(url: str, name: str) -> str:
    """Make an empty database; returns its URL."""
    _execute(url, f"CREATE DATABASE {_quoted(name)}")
    return with_database(url, name)


def copy_database(url: str, name: str, *, template: str, owner: str, connecting: Sequence[str]) -> str:
    """Make a copy of a template that nobody is connected to; returns its URL.

    A copy has everything that lies in the template, with its grants, but neither its owner nor who may connect.
    """
    _execute(
        url,
        f"CREATE DATABASE {_quoted(name)} TEMPLATE {_quoted(template)} OWNER {_quoted(owner)}",
        f"REVOKE ALL ON DATABASE {_quoted(name)} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {_quoted(name)} TO {', '.join(_quoted(role) for role in connecting)}",
    )
    return with_database(url, name)


def drop_database(url: str, name: str) -> None:
    """Drop a database, whoever is connected; nothing happens where it is gone. `url` names another one."""
    _execute(url, f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")


def drop_role(url: str, name: str) -> None:
    """Drop a role that has nothing any more; nothing happens where it is gone."""
    _execute(url, f"DROP ROLE IF EXISTS {_quoted(name)}")


def roles_like(url: str, prefix: str) -> set[str]:
    """Return the names of the server's roles that start so."""
    names = _execute(
        url,
        "SELECT coalesce(array_agg(rolname::text), '{}') FROM pg_roles WHERE starts_with(rolname, :prefix)",
        parameters={"prefix": prefix},
    )
    return set(names) if isinstance(names, list) else set()


def run_statement(url: str, statement: str) -> object:
    """Run one statement outside a transaction; returns its first value, if it has rows."""
    return _execute(url, statement)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _execute(url: str, *statements: str, parameters: dict[str, str] | None = None) -> object:
    """Run statements outside a transaction, in a thread of its own; returns the last one's first value, if it has
    rows."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _first_value(url, statements, parameters or {})).result()


async def _first_value(url: str, statements: Sequence[str], parameters: dict[str, str]) -> object:
    engine = create_async_engine(
        asyncpg_url(url),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": CONNECT_TIMEOUT_S, "command_timeout": STATEMENT_TIMEOUT_S},
    )
    try:
        async with engine.connect() as connection:
            *before, last = statements
            for statement in before:
                await connection.execute(text(statement))
            result = await connection.execute(text(last), parameters)
            return result.scalar() if result.returns_rows else None
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        reason = str(getattr(error, "orig", None) or error) or type(error).__name__
        raise DatabaseError(reason.splitlines()[0]) from error
    finally:
        await engine.dispose()
