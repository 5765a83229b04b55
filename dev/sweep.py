"""Undo what a ledger names: end the processes, remove containers, objects on given servers, and data."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from dev.databases import DatabaseError, drop_database
from dev.identity import is_running, stop
from dev.management import Management, ManagementError
from dev.progress import say

if TYPE_CHECKING:
    from dev.ledger import Ledger, MadeObject

DOCKER_TIMEOUT_S = 60


def sweep(ledger: Ledger) -> int:
    """Undo everything, the newest first, and remove the run's folder; returns how many processes were still running.

    Safe to repeat; what is gone already is passed over.
    """
    running = [started for started in reversed(ledger.processes()) if is_running(started.identity)]
    for started in running:
        stop(started.identity, by=started.stop_signal, grace_s=started.grace_s)
    _remove_made(ledger)
    for container in ledger.containers():
        _remove_container(container)
    for folder in (*ledger.folders(), ledger.folder):
        shutil.rmtree(folder, ignore_errors=True)
    return len(running)


def _remove_container(container: str) -> None:
    subprocess.run(
        ["docker", "rm", "--force", "--volumes", container],
        check=False,
        capture_output=True,
        timeout=DOCKER_TIMEOUT_S,
    )


def _remove_made(ledger: Ledger) -> None:
    """Drop what was made on servers that are not ours; one that cannot be reached any more is named, not waited for."""
    for made in reversed(ledger.made()):
        try:
            _remove(made)
        except (DatabaseError, ManagementError) as error:
            say(f"  {made.kind} {made.name} was left behind: {error}")


def _remove(made: MadeObject) -> None:
    if made.kind == "database":
        drop_database(made.servers["database_url"], made.name)
        return
    with Management(made.servers["rabbitmq_api_url"]) as management:
        if made.kind == "vhost":
            management.delete_vhost(made.name)
        else:
            management.delete_user(made.name)
