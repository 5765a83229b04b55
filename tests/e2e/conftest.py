"""Services as processes, in a vhost and a database of the test's own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dev.stack.processes import ROLE_OF, Service, ServiceProcess
from dev.stack.workspace import VirtualHost, Workspace

JWT_SECRET = "a secret of the tests alone, 32 characters and more"
Launch = Callable[..., ServiceProcess]


@contextmanager
def launcher(workspace: Workspace, virtual_host: VirtualHost, database_url: str, logs: Path) -> Iterator[Launch]:
    """Start services, each with its own rights in a vhost and a database of `workspace`:
    `launch("sizing_worker", LOTWISE_…="…")`; they are gone at the end of the block."""
    numbers = itertools.count(1)
    with ExitStack() as stack:

        def start(service: Service, **settings: str) -> ServiceProcess:
            given = {
                "LOTWISE_AMQP_URL": virtual_host.role_urls[ROLE_OF[service]],
                "LOTWISE_DATABASE_URL": workspace.service_url(service, database_url),
                "LOTWISE_JWT_SECRET": JWT_SECRET,
                "LOTWISE_HTTP_WRITES_PER_MINUTE": "10000",  # tests turn the dial more often than people do
                "LOTWISE_HTTP_READS_PER_MINUTE": "100000",  # and look in a loop
            }
            process = ServiceProcess(
                service,
                name=f"{service}-{next(numbers)}",
                ledger=workspace.servers.ledger,
                settings={**given, **settings},
                logs=logs,
            )
            process.start()
            stack.callback(process.terminate)
            return process

        yield start


@pytest.fixture
def launch(
    session_workspace: Workspace, virtual_host: VirtualHost, database_url: str, tmp_path: Path
) -> Iterator[Launch]:
    """Start services in a vhost and a database of the test's own; they are gone when the test is over."""
    with launcher(session_workspace, virtual_host, database_url, tmp_path) as start:
        yield start
