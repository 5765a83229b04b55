"""Connections to PostgreSQL: bounded in number and in every wait, READ COMMITTED, UTC."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared import metrics
from shared.settings import DatabaseUrl, Settings

CONNECT_TIMEOUT_S = 5
POOL_TIMEOUT_S = 5
POOL_RECYCLE_S = 1800
LIBPQ_TLS = frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey"})


class OperatorSettings(Settings):
    """What the operator's database commands need."""

    database_url: DatabaseUrl


class DatabaseSettings(OperatorSettings):
    """How a service uses the database. Times in seconds."""

    database_pool_size: Annotated[int, Field(ge=1, le=100)] = 4
    database_statement_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 10
    database_lock_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 5


def asyncpg_url(url: str) -> str:
    """The same URL, for SQLAlchemy's asyncpg dialect.

    asyncpg itself reads libpq's `sslmode` and its certificates, but from a URL of its own only, and the dialect hands
    it every parameter as an argument: so they travel inside one argument, `dsn`.
    """
    head, mark, query = url.replace("postgresql://", "postgresql+asyncpg://", 1).partition("?")
    parameters = parse_qsl(query, keep_blank_values=True)
    tls = [(name, value) for name, value in parameters if name in LIBPQ_TLS]
    if not tls:
        return head + mark + query
    rest = [(name, value) for name, value in parameters if name not in LIBPQ_TLS]
    return f"{head}?{urlencode([*rest, ('dsn', f'postgresql://?{urlencode(tls)}')])}"


def connect_database(
    settings: DatabaseSettings, *, application: str, pool: str = "main", for_batches: bool = False
) -> AsyncEngine:
    """An engine that connects when first used. `application` is what the database's operator sees, `pool` a metric's
    label.

    `for_batches`: few statements, over and over, by someone who repeats a transaction that found its connection dead.
    So none is asked beforehand whether it lives, a round trip each time; and each statement is planned once a
    connection, because what its arrays hold never changes how it is best done.

    Every wait is bounded on both sides: a black hole costs `database_statement_timeout_seconds` plus the two seconds
    that asyncpg takes to cancel. READ COMMITTED is set, not assumed: a statement after a lock must see what the
    lock's last holder committed.
    """
    statement_s = settings.database_statement_timeout_seconds
    plans = {"plan_cache_mode": "force_generic_plan"} if for_batches else {}
    # asyncpg forgets a statement, and the plan with it, after five minutes unless told 0.
    statements = {"max_cached_statement_lifetime": 0} if for_batches else {}
    engine = create_async_engine(
        asyncpg_url(settings.database_url.get_secret_value()),
        isolation_level="READ COMMITTED",
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        pool_recycle=POOL_RECYCLE_S,
        pool_pre_ping=not for_batches,
        connect_args={
            **statements,
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": statement_s + 1,
            "server_settings": {
                **plans,
                "application_name": application,
                "timezone": "UTC",
                "statement_timeout": f"{int(statement_s * 1000)}",
                "lock_timeout": f"{int(settings.database_lock_timeout_seconds * 1000)}",
                "idle_in_transaction_session_timeout": f"{int(statement_s * 3000)}",
            },
        },
    )
    metrics.POOL_SIZE.labels(pool).set(settings.database_pool_size)
    metrics.POOL_IN_USE.labels(pool).set_function(engine.pool.checkedout)  # type: ignore[attr-defined]
    return engine
