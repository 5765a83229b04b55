"""`make up` and `make down`, in servers that are given and hold something of somebody else's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dev.servers.databases import create_database, database_exists, drop_database, roles_like
from dev.servers.management import Management
from dev.stack.stack import write_environment
from dev.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dev.servers.provider import Servers

CONTRACT_NAMES = {
    "LOTWISE_AMQP_URL",
    "LOTWISE_DATABASE_URL",
    "LOTWISE_HTTP_URL",
    "LOTWISE_OWNER_TOKEN",
    "LOTWISE_USER_TOKEN",
    "LOTWISE_EA_BRIDGE_AMQP_URL",
    "LOTWISE_SIGNAL_ENGINE_AMQP_URL",
    "LOTWISE_OWNER_AMQP_URL",
    "LOTWISE_SYNC_CONSUMER_PIDS",
    "LOTWISE_SIZING_WORKER_PIDS",
    "LOTWISE_CONFIG_SERVICE_PIDS",
}


class Command(NamedTuple):
    """`python -m dev.stack` with servers that stand already, in a run folder of its own."""

    servers: Servers
    folder: Path

    def __call__(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        given = {
            "LOTWISE_RUN_FOLDER": str(self.folder),
            "LOTWISE_TEST_PROVIDER": "environment",
            "LOTWISE_AMQP_URL": self.servers.amqp_url,
            "LOTWISE_RABBITMQ_API_URL": self.servers.rabbitmq_api_url,
            "LOTWISE_DATABASE_URL": self.servers.database_url,
        }
        return subprocess.run(
            [sys.executable, "-m", "dev.stack", *arguments],
            cwd=ROOT,
            env={**os.environ, **given, **more},
            check=False,
            capture_output=True,
            text=True,
            timeout=90,
        )

    def made(self) -> tuple[set[str], set[str], set[str]]:
        """The vhosts and the users that the broker has, and the database server's roles."""
        with Management(self.servers.rabbitmq_api_url) as management:
            return management.vhosts(), management.users(), roles_like(self.servers.database_url, "lotwise")


@pytest.fixture
def stack(provided_servers: Servers, tmp_path: Path) -> Iterator[Command]:
    command = Command(provided_servers, tmp_path)
    yield command
    command("down")


@pytest.fixture
def somebody_s_database(provided_servers: Servers) -> Iterator[str]:
    """One named as ours would be."""
    create_database(provided_servers.database_url, "lotwise")
    yield "lotwise"
    drop_database(provided_servers.database_url, "lotwise")


def read(file: Path) -> dict[str, str]:
    """The variables as a shell reads them."""
    script = f"set -a; . '{file}'; env -0"
    ended = subprocess.run(["/bin/sh", "-c", script], env={}, check=True, capture_output=True, text=True)
    return dict(row.split("=", 1) for row in ended.stdout.split("\0") if row.startswith("LOTWISE_"))


def is_alive(pid: str, *, module: str) -> bool:
    command = Path(f"/proc/{pid}/cmdline")
    return command.exists() and module in command.read_text(encoding="utf-8").split("\0")


def test_up_leaves_a_running_stack_and_down_leaves_nothing(stack: Command, somebody_s_database: str) -> None:
    before = stack.made()

    came_up = stack("up", "--sizing-workers", "2")
    assert came_up.returncode == 0, came_up.stdout + came_up.stderr
    again = stack("up")
    file = stack.folder / "stack.env"
    variables = read(file)
    workers = variables["LOTWISE_SIZING_WORKER_PIDS"].split()

    assert variables.keys() >= CONTRACT_NAMES
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(workers) == 2
    assert all(is_alive(pid, module="services.sizing_worker") for pid in workers)
    assert again.returncode == 1
    assert "runs already" in again.stdout

    went_down = stack("down")

    assert went_down.returncode == 0, went_down.stdout + went_down.stderr
    assert not any(is_alive(pid, module="services.sizing_worker") for pid in workers)
    assert stack.made() == before
    assert database_exists(stack.servers.database_url, somebody_s_database)
    assert {path.name for path in stack.folder.iterdir()} <= {"logs", "stack.lock"}


def test_a_stack_that_does_not_come_up_says_why_and_leaves_nothing(stack: Command) -> None:
    before = stack.made()

    failed = stack("up", LOTWISE_FRESHNESS_SECONDS="soon")

    assert failed.returncode == 1
    assert "LOTWISE_FRESHNESS_SECONDS" in failed.stderr
    assert stack.made() == before
    assert not (stack.folder / "stack").exists()


def test_down_with_nothing_running_is_no_error(stack: Command) -> None:
    assert stack("down").returncode == 0
    assert stack("down").stdout == "Nothing was running.\n"


def test_values_survive_the_shell(tmp_path: Path) -> None:
    awkward = "a b'c\"$HOME`id`\\"

    write_environment(tmp_path / "stack.env", {"LOTWISE_AWKWARD": awkward})

    assert read(tmp_path / "stack.env") == {"LOTWISE_AWKWARD": awkward}
