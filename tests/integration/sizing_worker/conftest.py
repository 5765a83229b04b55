"""The sizing handler on an empty database."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.sizing_worker.desk import Desk


@pytest.fixture
def desk(emptied_database: AsyncEngine) -> Desk:
    """A handler that has heard of no configuration yet, and a look at its tables."""
    return Desk(emptied_database)


@pytest.fixture
async def open_desk(desk: Desk) -> Desk:
    """The same, with account 7 of user u-1: 10,000.00 USD at 1:100, gold published."""
    await desk.account()
    return desk
