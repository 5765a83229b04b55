"""What the tests stand on: one broker and one database server for the session, places of their own inside them."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from dev.servers.provider import Servers, servers
from dev.stack.workspace import VirtualHost, Workspace, workspace
from shared.database.engine import asyncpg_url

# The settings of a stack that this shell knows from `.run/stack.env` are not meant, here or in a process of a test.
# At import: the conftests of the folders below read settings when they are imported.
for name in [name for name in os.environ if name.startswith("LOTWISE_")]:
    if not name.startswith(("LOTWISE_TEST_", "LOTWISE_RUN_FOLDER")):
        del os.environ[name]

settings.register_profile("thorough", max_examples=1000)

SECRETS = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}|[a-z]+://[^\s/:@\"]+:[^\s/@\"]+@")
"""A JSON Web Token, or a user with a password in a URL."""


NEEDING_MORE = ("browser", "containers", "promtool")
"""Markers of tests that need more than Python, RabbitMQ and PostgreSQL; `make test-all` runs them too, by `--all`.

A folder of the same name is not even read without: what it imports may not be installed."""
PHASES = ("together", "alone")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--all`: what needs more than this machine has by itself, too. `--phase`: the half that `dev.suite` runs now.

    Those of `tests/faults` stand here: pytest reads no conftest of a folder that it was not given before its options.
    """
    parser.addoption("--all", action="store_true", help=f"run the tests marked {', '.join(NEEDING_MORE)}, too")
    parser.addoption("--phase", choices=PHASES, default=None, help="those that may have others beside, or not")
    parser.addoption("--faults", action="store_true", help="run the whole fault table, not its short form")
    parser.addoption("--seed", type=int, default=None, help="repeat a run of the faults that chance chooses")
    parser.addoption("--soak-s", type=float, default=None, help="run the soak alone, with so many seconds of traffic")
    parser.addoption("--soak-page", type=Path, default=None, help="where the soak writes its figures, as Markdown")
    parser.addoption("--mixed-faults-s", type=float, default=120.0, help="seconds of faults that chance chooses")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Pass over the folders of what needs more, unless it was asked for."""
    passed_over = not config.getoption("--all") and collection_path.is_dir() and collection_path.name in NEEDING_MORE
    return passed_over or None


@pytest.hookimpl(trylast=True)  # after those who mark
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs more, unless it was asked for, and what the other phase runs; that is not deselected."""
    if not config.getoption("--all"):
        left_out = [item for item in items if any(item.get_closest_marker(marker) for marker in NEEDING_MORE)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    if phase := config.getoption("--phase"):
        items[:] = [item for item in items if bool(item.get_closest_marker("alone")) == (phase == "alone")]


@pytest.fixture(scope="session", autouse=True)
def no_log_of_a_service_holds_a_secret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """When all is over, what every service of this run has logged is searched for tokens and for URLs with passwords.

    `tests/e2e/test_secrets.py` searches for each secret by its value, too.
    """
    yield
    logs = tmp_path_factory.getbasetemp().rglob("*.log")
    found = {f"{log}: {match[0][:20]}…" for log in logs for match in SECRETS.finditer(log.read_text(errors="replace"))}
    assert not found


@pytest.fixture(scope="session")
def provided_servers() -> Iterator[Servers]:
    """A real RabbitMQ and a real PostgreSQL, started on the first test that needs them."""
    with servers(allow_containers=True) as provided:
        yield provided


@pytest.fixture(scope="session")
def session_workspace(provided_servers: Servers) -> Iterator[Workspace]:
    """A migrated database, a vhost with the topology, a broker user for each role."""
    with workspace(provided_servers) as made:
        yield made


@pytest.fixture
def virtual_host(session_workspace: Workspace) -> Iterator[VirtualHost]:
    """A vhost of the test's own, with the whole topology."""
    with session_workspace.new_virtual_host() as made:
        yield made


@pytest.fixture
def database_url(session_workspace: Workspace) -> Iterator[str]:
    """A migrated database of the test's own."""
    with session_workspace.new_database() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on the test's own database, with the privileges of its owner."""
    engine = create_async_engine(asyncpg_url(database_url), poolclass=NullPool)
    yield engine
    await engine.dispose()
