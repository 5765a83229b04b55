"""Undo what a ledger names: end the processes, remove containers, objects on given servers, and data."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from dev.containers import remove_container
from dev.databases import DatabaseError, drop_database
from dev.identity import is_running, stop
from dev.management import Management, ManagementError
from dev.progress import say

if TYPE_CHECKING:
    from dev.ledger import Ledger, MadeObject, StartedProcess


def sweep(ledger: Ledger) -> int:
    """Undo everything, servers last, and remove the run's folder; returns how many processes were still running.

    Safe to repeat; what is gone already is passed over.
    """
    running = [started for started in ledger.processes() if is_running(started.identity)]
    _stop_all([started for started in running if not started.is_server])
    _remove_made(ledger)
    _stop_all([started for started in running if started.is_server])
    ledger.end()
    for container in ledger.containers():
        remove_container(container)
    for folder in (*ledger.folders(), ledger.folder):
        shutil.rmtree(folder, ignore_errors=True)
    return len(running)


def _stop_all(processes: list[StartedProcess]) -> None:
    """Stop them side by side: each may need its own time to drain."""
    with ThreadPoolExecutor(max(1, len(processes))) as threads:
        for process in processes:
            threads.submit(stop, process.identity, by=process.stop_signal, grace_s=process.grace_s)


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
