"""The `lotwise` command on a database with decisions of the real handler."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner, Result

from shared.cli.__main__ import app
from tests.desk import Desk

Lotwise = Callable[..., Coroutine[Any, Any, Result]]


@pytest.fixture
def lotwise(database_url: str) -> Lotwise:
    """Run the command on the test's database."""

    async def run(*arguments: str) -> Result:
        # In a thread: a command runs an event loop of its own.
        settings = {"LOTWISE_DATABASE_URL": database_url}
        return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=settings)

    return run


@pytest.fixture
def desk(database: AsyncEngine) -> Desk:
    """The handlers, on the database that the command looks at."""
    return Desk(database)
