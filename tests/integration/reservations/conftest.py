"""The handlers of the bridge and of the signal engine, on a database of each test."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.desk import Desk


@pytest.fixture
def desk(database: AsyncEngine) -> Desk:
    """One user's bridge and signal engine."""
    return Desk(database)
