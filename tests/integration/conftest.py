"""What integration tests of the handlers stand on."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.desk import Desk


@pytest.fixture
def desk(database: AsyncEngine) -> Desk:
    """The handlers, on a database of the test's own."""
    return Desk(database)
