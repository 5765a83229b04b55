"""`lotwise definitions`: the file makes a broker that needs nothing else, by import or at its start."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from typer.testing import CliRunner, Result

from dev.servers.management import Management
from dev.stack.workspace import Workspace
from shared.cli.__main__ import app
from shared.messaging.topology import ROLES

PASSWORD = "a password of the tests, long enough"
PASSWORDS = {f"LOTWISE_{role.name.upper().replace('-', '_')}_PASSWORD": PASSWORD for role in ROLES}


def lotwise(*arguments: str, **settings: str) -> Result:
    """Run the command in a thread's own loop, as a command may start one."""
    return CliRunner().invoke(app, list(arguments), env=settings)


@pytest.fixture
def virtual_host_name(session_workspace: Workspace) -> Iterator[str]:
    """A name that no vhost has yet; what is made under it goes."""
    name = f"{session_workspace.name}_{secrets.token_hex(4)}"
    yield name
    with Management(session_workspace.rabbitmq_api_url) as management:
        management.delete_vhost(name)


def written(file: Path, *arguments: str, **settings: str) -> dict[str, Any]:
    ended = lotwise("definitions", "--output", str(file), *arguments, **settings)
    assert ended.exit_code == 0, ended.output
    document: dict[str, Any] = json.loads(file.read_bytes())
    return document


def test_the_file_makes_exactly_the_topology_in_a_fresh_virtual_host(
    session_workspace: Workspace, virtual_host_name: str, tmp_path: Path
) -> None:
    document = written(tmp_path / "made.json", "--no-users", "--virtual-host", virtual_host_name)

    with Management(session_workspace.rabbitmq_api_url) as management:
        management.load(document)
    amqp = urlsplit(session_workspace.virtual_host.amqp_url)._replace(path=f"/{virtual_host_name}")
    checked = lotwise(
        "topology",
        "--check",
        LOTWISE_AMQP_URL=urlunsplit(amqp),
        LOTWISE_RABBITMQ_API_URL=session_workspace.rabbitmq_api_url,
    )

    assert checked.exit_code == 0, checked.output


def test_the_file_is_for_its_owner_only_and_holds_no_password(tmp_path: Path) -> None:
    file = tmp_path / "made.json"
    file.touch(mode=0o644)

    document = written(file, **PASSWORDS)

    assert file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in file.read_text(encoding="utf-8")
    assert len({user["password_hash"] for user in document["users"]}) == len(ROLES)
    assert list(tmp_path.iterdir()) == [file]


def test_without_users_it_needs_no_password_and_grants_nothing(tmp_path: Path) -> None:
    document = written(tmp_path / "made.json", "--no-users")

    assert (document["users"], document["permissions"], document["topic_permissions"]) == ([], [], [])


def test_with_users_every_missing_password_is_named() -> None:
    ended = lotwise("definitions", LOTWISE_OWNER_PASSWORD=PASSWORD)

    assert ended.exit_code == 78
    assert "LOTWISE_SIZING_WORKER_PASSWORD: is not set" in ended.stderr
    assert "LOTWISE_OWNER_PASSWORD" not in ended.stderr


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    ended = lotwise("definitions", "--no-users", "--output", str(tmp_path / "nowhere" / "made.json"))

    assert ended.exit_code == 78
    assert "nowhere/made.json cannot be written" in ended.stderr
