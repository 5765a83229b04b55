"""`lotwise migrate`: bring the database to this release's schema."""

from __future__ import annotations

import asyncio

from shared.cli.terminal import clear_failures
from shared.settings import load


def migrate() -> None:
    """Bring the database to this release's schema, from whatever release it is at, and grant each service's role
    exactly what it needs; safe to repeat.

    Reads LOTWISE_DATABASE_URL (the owner role, or who may become it) and LOTWISE_DATABASE_ROLE_PREFIX (`lotwise`).
    """
    # Alembic and SQLAlchemy take a second to load, which no other command should wait for.
    from shared.cli.migration import migrate_database  # noqa: PLC0415
    from shared.database.roles import RoleSettings  # noqa: PLC0415

    with clear_failures():
        asyncio.run(migrate_database(load(RoleSettings)))
