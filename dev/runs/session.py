"""One run of private servers and processes: a folder under `.run/`, a ledger, and the promise that it all goes again.

A run ends with its owner, however the owner dies: a guard process waits for that and removes what is left.
`python -m dev.runs.session FOLDER` is that guard.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dev.runs.identity import is_running
from dev.runs.ledger import FILE, Ledger
from dev.runs.sweep import sweep
from dev.tree import ROOT, run_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

GUARD_WAIT_S = 30.0


@contextmanager
def session() -> Iterator[Ledger]:
    """Open a run that ends with this block, or with this process, whatever ends first."""
    sweep_abandoned()
    ledger = Ledger.open(run_folder() / f"session-{secrets.token_hex(4)}", owner=os.getpid())
    guard = subprocess.Popen(
        [sys.executable, "-m", "dev.runs.session", str(ledger.folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield ledger
    finally:
        sweep(ledger)
        guard.communicate(timeout=GUARD_WAIT_S)  # closes the pipe: nothing is left for it to do


def sweep_abandoned() -> list[str]:
    """Remove what runs have left behind whose owner was killed together with its guard; returns their names."""
    abandoned = []
    for file in run_folder().glob(f"session-*/{FILE}"):
        ledger = Ledger(file.parent)
        owner = ledger.owner()
        if owner is None or not is_running(owner):
            sweep(ledger)
            abandoned.append(file.parent.name)
    return abandoned


def main() -> None:
    """Wait until the owner's end of the pipe is closed, then remove what the owner did not."""
    with suppress(OSError):
        sys.stdin.buffer.read()
    sweep(Ledger(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
