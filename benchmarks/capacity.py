"""What many accounts need, from what one message costs: plain multiplication, for the page on scaling."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.disk import Written
from benchmarks.draining import TAKING_IN
from benchmarks.load import BROKER, DATABASE, SERVER
from benchmarks.report import Table

ACCOUNTS = (10_000, 1_000_000, 100_000_000)
SNAPSHOT_EVERY_S = 30
DAY_S = 86_400
MB, GB = 1e6, 1e9
PARTS = {"consumers": (SERVER,), "broker": (TAKING_IN, BROKER), "database": (DATABASE,)}


def cores(cpu_s: Mapping[str, float], *, per_s: float) -> dict[str, float]:
    """The cores that each part is busy on at so many messages a second, each costing `cpu_s` seconds by process."""
    return {part: per_s * sum(cpu_s[process] for process in processes) for part, processes in PARTS.items()}


def capacity_table(cpu_s: Mapping[str, float], written: Written) -> Table:
    """Cores, and what is written and kept, by accounts; one snapshot every 30 s of each."""
    one_core = tuple(f"{1 / each:,.0f} a second" for each in cores(cpu_s, per_s=1).values())
    each = (f"{written.wal_bytes:,.0f} bytes", f"{written.size_bytes:,.0f} bytes")
    rows = [("one core carries; one snapshot writes", "", *one_core, *each)]
    for accounts in ACCOUNTS:
        per_s = accounts / SNAPSHOT_EVERY_S
        needed = tuple(_cores(number) for number in cores(cpu_s, per_s=per_s).values())
        log, kept = written.wal_bytes * per_s / MB, written.size_bytes * per_s * DAY_S / GB
        rows.append((f"{accounts:,} accounts", f"{per_s:,.0f}", *needed, f"{log:,.1f} MB/s", f"{kept:,.0f} GB a day"))
    return Table(("", "snapshots a second", *PARTS, "write-ahead log", "on disk, before retention"), tuple(rows))


def _cores(number: float) -> str:
    return f"{number:.2f} cores" if number < 10 else f"{number:,.0f} cores"
