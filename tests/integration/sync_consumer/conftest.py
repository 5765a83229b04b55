"""The sync handler on an empty database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.sync_consumer import desk as desks
from tests.integration.sync_consumer.desk import Desk


@pytest.fixture(autouse=True)
def _start(monkeypatch: pytest.MonkeyPatch) -> None:
    """`at(0)` lies 100 s before each test, however long those before it took."""
    monkeypatch.setattr(desks, "START", datetime.now(UTC) - timedelta(seconds=100))


@pytest.fixture
def desk(emptied_database: AsyncEngine) -> Desk:
    """A handler with the default freshness of 300 s, and a look at its tables."""
    return Desk(emptied_database)
