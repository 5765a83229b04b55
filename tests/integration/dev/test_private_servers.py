"""Private servers from local binaries: found after others failed, closed to others, gone with whoever started them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from dev.runs.identity import ProcessIdentity, identify, is_running
from dev.runs.session import sweep_abandoned
from dev.servers.databases import DatabaseError, check_server
from dev.servers.management import Management, ManagementError
from dev.servers.ports import LOOPBACK
from dev.tree import ROOT
from tests.integration.dev.waiting import eventually

if TYPE_CHECKING:
    from tests.integration.dev.conftest import Provided

OWN_A_CLUSTER = """
import json, os, sys
from dev.servers.postgres import Cluster
from dev.runs.session import session
with session() as ledger:
    cluster = Cluster(ledger, durable=False)
    cluster.start()
    print(json.dumps({"folder": str(ledger.folder), "data": str(cluster.folder), "pid": cluster.pid}), flush=True)
    sys.stdin.read()
"""


def with_credentials(url: str, credentials: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{credentials}@{parts.netloc.rpartition('@')[2]}"))


def own_a_cluster(run_folder: Path) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWN_A_CLUSTER],
        cwd=ROOT,
        env={**os.environ, "LOTWISE_RUN_FOLDER": str(run_folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    return owner, json.loads(owner.stdout.readline())


def running(pid: int) -> ProcessIdentity:
    found = identify(pid)
    assert found is not None
    return found


def test_unreachable_servers_of_the_environment_are_named_with_their_reason_and_the_next_are_tried(
    provided: Provided,
) -> None:
    (reason,) = [line for line in provided.said if "LOTWISE_AMQP_URL" in line]

    assert "environment: LOTWISE_AMQP_URL: " in reason
    assert "secret" not in " ".join(provided.said)
    assert provided.servers.provider == "binaries"


def test_a_private_broker_knows_no_guest(provided: Provided) -> None:
    with (
        Management(with_credentials(provided.servers.rabbitmq_api_url, "guest:guest")) as guest,
        pytest.raises(ManagementError, match="401"),
    ):
        guest.vhosts()


def test_a_private_database_asks_for_the_password(provided: Provided) -> None:
    user = urlsplit(provided.servers.database_url).username

    with pytest.raises(DatabaseError, match="password authentication failed"):
        check_server(with_credentials(provided.servers.database_url, f"{user}:wrong"))


def test_private_servers_listen_on_loopback_only(provided: Provided) -> None:
    started = {process.identity.pid for process in provided.servers.ledger.processes() if process.is_server}

    listening = listening_addresses(started)

    assert len(listening) >= 5  # epmd, distribution, AMQP, management, database
    assert {address.rpartition(":")[0] for address in listening} <= {LOOPBACK, "[::1]"}
    assert not {address.rpartition(":")[2] for address in listening} & {"4369", "5432", "5672", "15672"}


def listening_addresses(pids: set[int]) -> list[str]:
    """Read `/proc`, for not every machine has ss."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed since it was listed
                link = descriptor.readlink().name
                if link.startswith("socket:"):
                    inodes.add(link.removeprefix("socket:[").rstrip("]"))
    addresses = []
    for file, loopback in {"tcp": ("0100007F", LOOPBACK), "tcp6": ("0" * 24 + "01000000", "[::1]")}.items():
        for row in Path(f"/proc/net/{file}").read_text(encoding="ascii").splitlines()[1:]:
            fields = row.split()
            address, port = fields[1].split(":")
            if fields[3] == "0A" and fields[9] in inodes:
                addresses.append(f"{loopback[1] if address == loopback[0] else address}:{int(port, 16)}")
    return addresses


def test_a_killed_run_leaves_no_process_and_no_data(tmp_path: Path) -> None:
    owner, made = own_a_cluster(tmp_path)
    server = running(made["pid"])

    owner.kill()
    owner.communicate()

    eventually(lambda: not is_running(server), timeout_s=10)
    eventually(lambda: not Path(made["folder"]).exists() and not Path(made["data"]).exists(), timeout_s=10)


def test_what_a_run_left_that_was_killed_together_with_its_guard_goes_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, made = own_a_cluster(tmp_path)
    server = running(made["pid"])
    for child in Path(f"/proc/{owner.pid}/task/{owner.pid}/children").read_text(encoding="ascii").split():
        if "dev.runs.session" in Path(f"/proc/{child}/cmdline").read_text(encoding="utf-8"):
            os.kill(int(child), signal.SIGKILL)
    owner.kill()
    owner.communicate()
    assert is_running(server)

    monkeypatch.setattr("dev.tree.RUN", tmp_path)
    abandoned = sweep_abandoned()

    assert abandoned == [Path(made["folder"]).name]
    assert not is_running(server)
    assert not Path(made["folder"]).exists()
    assert not Path(made["data"]).exists()
