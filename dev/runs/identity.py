"""Which process is which, by pid and start time, so that a recycled pid is never taken for ours. Reads `/proc`."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

POLL_S = 0.02
KILL_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process of one boot of the machine; `started` tells it from a later one with the same pid."""

    pid: int
    started: str


@dataclass(frozen=True, slots=True)
class _Row:
    identity: ProcessIdentity
    parent: int
    is_zombie: bool


def identify(pid: int) -> ProcessIdentity | None:
    """Return who has this pid now; None where nobody runs under it (a zombie does not run)."""
    row = _row(pid)
    return None if row is None or row.is_zombie else row.identity


def is_running(process: ProcessIdentity) -> bool:
    """Tell whether this very process still runs."""
    return identify(process.pid) == process


def family(process: ProcessIdentity) -> set[ProcessIdentity]:
    """Return the process and everything it started that still runs under it."""
    if not is_running(process):
        return set()
    rows = [row for entry in Path("/proc").glob("[0-9]*") if (row := _row(int(entry.name))) is not None]
    found = {process.pid}
    while more := {row.identity.pid for row in rows if row.parent in found} - found:
        found |= more
    return {row.identity for row in rows if row.identity.pid in found and not row.is_zombie}


def stop(process: ProcessIdentity, *, by: signal.Signals = signal.SIGTERM, grace_s: float) -> bool:
    """Ask a process to end, and kill it and what it started once the grace is over; True where asking was enough."""
    members = family(process)
    send(process, by)
    if _wait_gone(members, grace_s):
        return True
    members |= family(process)
    for member in members:
        send(member, signal.SIGKILL)
    _wait_gone(members, KILL_WAIT_S)
    return False


def send(process: ProcessIdentity, number: signal.Signals) -> None:
    """Signal exactly this process; nothing happens where it has ended."""
    if is_running(process):
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _wait_gone(processes: set[ProcessIdentity], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while any(is_running(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _row(pid: int) -> _Row | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the name before it may hold spaces and brackets
    started = f"{_boot()}:{fields[19]}"
    return _Row(ProcessIdentity(pid, started), parent=int(fields[1]), is_zombie=fields[0] in "ZX")


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
