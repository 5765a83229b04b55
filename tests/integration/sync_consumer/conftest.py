"""The sync handler on an empty database."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.sync_consumer.desk import Desk


@pytest.fixture
def desk(emptied_database: AsyncEngine) -> Desk:
    """A handler with the default freshness of 300 s, and a look at its tables."""
    return Desk(emptied_database)
