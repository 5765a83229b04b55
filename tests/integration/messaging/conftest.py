"""A vhost of the test's own, and plain clients in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from dev.stack.workspace import VirtualHost, Workspace
from tests.integration.messaging.faults import Operator
from tests.integration.messaging.place import Place


@pytest.fixture
async def place(virtual_host: VirtualHost) -> AsyncIterator[Place]:
    """Queues of the test's own."""
    async with AsyncExitStack() as stack:
        yield Place(virtual_host, stack)


@pytest.fixture
def operator(session_workspace: Workspace, virtual_host: VirtualHost) -> Iterator[Operator]:
    """The operator, who closes connections by force."""
    made = Operator(session_workspace.rabbitmq_api_url, virtual_host.name)
    yield made
    made.close()
