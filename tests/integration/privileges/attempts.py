"""Trying something in the database, and seeing whether it is permitted."""

from __future__ import annotations

from asyncpg.exceptions import InsufficientPrivilegeError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

INSUFFICIENT_PRIVILEGE = "42501"


async def sqlstate_of(connection: AsyncConnection, statement: str) -> str | None:
    """The error that a statement ends with; None where it succeeds. Nothing of it stays."""
    try:
        async with connection.begin():
            await connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
            await connection.exec_driver_sql(statement)
            await connection.rollback()
    except DBAPIError as error:
        return str(getattr(error.orig, "sqlstate", None))
    return None


async def is_refused(connection: AsyncConnection, statement: str) -> bool:
    """Whether a statement fails for want of a privilege; any other end means that it was permitted."""
    return await sqlstate_of(connection, statement) == INSUFFICIENT_PRIVILEGE


def is_permission_denied(error: BaseException | None) -> bool:
    """Whether PostgreSQL said `permission denied`, anywhere in the chain of causes."""
    while error is not None:
        if isinstance(error, InsufficientPrivilegeError):
            return True
        error = error.__cause__ or getattr(error, "orig", None)
    return False
