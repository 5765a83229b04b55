"""Alembic's environment: the URL from LOTWISE_DATABASE_URL (or `-x url=`), the tables from shared.database.tables."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.database.engine import OperatorSettings, asyncpg_url
from shared.database.tables import PARTITION_NAME, metadata
from shared.settings import load

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


def database_url() -> str:
    """Where to migrate: `-x url=…`, else the environment."""
    given = context.get_x_argument(as_dictionary=True).get("url")
    return given or load(OperatorSettings).database_url.get_secret_value()


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Partitions come and go with time; they are no drift."""
    return not (kind == "table" and name and re.match(PARTITION_NAME, name))


def run(connection: Connection) -> None:
    """Migrate over `connection`, in one transaction."""
    context.configure(connection=connection, target_metadata=metadata, include_name=include_name, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


async def migrate() -> None:
    """Connect and migrate."""
    # `lotwise migrate` names the role that is to own what is made, whoever it is that connects.
    role = context.config.attributes.get("role")
    connect_args = {"server_settings": {"role": role}} if role else {}
    engine = create_async_engine(asyncpg_url(database_url()), poolclass=NullPool, connect_args=connect_args)
    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


asyncio.run(migrate())
