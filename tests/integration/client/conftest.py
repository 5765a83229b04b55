"""A vhost of the test's own; the handlers behind it run in the tests' process, on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from dev.stack.workspace import VirtualHost
from tests.integration.messaging.place import Place


@pytest.fixture
async def place(virtual_host: VirtualHost) -> AsyncIterator[Place]:
    """Queues of the test's own."""
    async with AsyncExitStack() as stack:
        yield Place(virtual_host, stack)
