"""Undo what a ledger names: end the processes, remove containers, objects on given servers, and data."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from dev.runs.identity import is_running, stop

if TYPE_CHECKING:
    from dev.runs.ledger import Ledger, StartedProcess


def sweep(ledger: Ledger) -> int:
    """Undo everything, servers last, and remove the run's folder; returns how many processes were still running.

    Safe to repeat; what is gone already is passed over.
    """
    running = [started for started in ledger.processes() if is_running(started.identity)]
    _stop_all([started for started in running if not started.is_server])
    _remove_made(ledger)
    _stop_all([started for started in running if started.is_server])
    ledger.end()
    _remove_containers(ledger)
    for folder in (*ledger.folders(), ledger.folder):
        shutil.rmtree(folder, ignore_errors=True)
    return len(running)


def _stop_all(processes: list[StartedProcess]) -> None:
    """Stop them side by side: each may need its own time to drain."""
    with ThreadPoolExecutor(max(1, len(processes))) as threads:
        for process in processes:
            threads.submit(stop, process.identity, by=process.stop_signal, grace_s=process.grace_s)


def _remove_containers(ledger: Ledger) -> None:
    if not ledger.containers():
        return
    from dev.servers.containers import remove_containers  # noqa: PLC0415  # slow, and seldom needed by a guard

    for run in ledger.containers():
        remove_containers(run)


def _remove_made(ledger: Ledger) -> None:
    if not ledger.made():
        return
    from dev.runs.made import remove_made  # noqa: PLC0415  # slow, and seldom needed by a guard

    for made in reversed(ledger.made()):
        remove_made(made)
