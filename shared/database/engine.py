"""Connections to PostgreSQL: bounded in number and in every wait, READ COMMITTED, UTC."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.settings import DatabaseUrl, Settings

CONNECT_TIMEOUT_S = 5
POOL_TIMEOUT_S = 5
POOL_RECYCLE_S = 1800


class OperatorSettings(Settings):
    """What the operator's database commands need."""

    database_url: DatabaseUrl


class DatabaseSettings(OperatorSettings):
    """How a service uses the database. Times in seconds."""

    database_pool_size: Annotated[int, Field(ge=1, le=100)] = 4
    database_statement_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 10
    database_lock_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 5


def asyncpg_url(url: str) -> str:
    """The same URL, for SQLAlchemy's asyncpg dialect."""
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


def connect_database(settings: DatabaseSettings, *, application: str) -> AsyncEngine:
    """An engine that connects when first used.

    Every wait is bounded on both sides: a black hole costs `database_statement_timeout_seconds` plus the two seconds
    that asyncpg takes to cancel. READ COMMITTED is set, not assumed: a statement after a lock must see what the
    lock's last holder committed.
    """
    statement_s = settings.database_statement_timeout_seconds
    return create_async_engine(
        asyncpg_url(settings.database_url.get_secret_value()),
        isolation_level="READ COMMITTED",
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        pool_recycle=POOL_RECYCLE_S,
        pool_pre_ping=True,
        connect_args={
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": statement_s + 1,
            "server_settings": {
                "application_name": application,
                "timezone": "UTC",
                "statement_timeout": f"{int(statement_s * 1000)}",
                "lock_timeout": f"{int(settings.database_lock_timeout_seconds * 1000)}",
                "idle_in_transaction_session_timeout": f"{int(statement_s * 3000)}",
            },
        },
    )
