"""`lotwise migrate`: bring the database to this release's schema."""

from __future__ import annotations

import asyncio

from shared.cli.terminal import clear_failures
from shared.settings import load


def migrate() -> None:
    """Bring the database to this release's schema, from whatever release it is at; safe to repeat.

    Reads LOTWISE_DATABASE_URL.
    """
    # Alembic and SQLAlchemy take a second to load, which no other command should wait for.
    from shared.cli.migration import migrate_database  # noqa: PLC0415
    from shared.database.engine import OperatorSettings  # noqa: PLC0415

    with clear_failures():
        asyncio.run(migrate_database(load(OperatorSettings)))
