"""Two replicas of the dial on one database."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.config_service.dials import Dial


@pytest.fixture
def dial(emptied_database: AsyncEngine) -> Dial:
    """A replica."""
    return Dial(emptied_database)


@pytest.fixture
def other_dial(emptied_database: AsyncEngine) -> Dial:
    """Another one, which knows nothing of the first but what the database says."""
    return Dial(emptied_database)
