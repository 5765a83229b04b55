"""The figures as Markdown, and as a table for whoever waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rich.table import Table

from benchmarks.latency import Compared, Latencies

HEADINGS = ("call", "p50", "p95 (rounds)", "p99", "bare FastAPI p50", "p95", "p50 ratio", "target", "")

TERMINAL_CHARACTERS = 140

PAGE = """# Benchmarks

Written by `make bench`: it brings up its own stack, runs ours and the peer by turns, and stops everything again.
Last run on {day}: {machine}.

## The dial over HTTP

An idle stack, one caller on one connection, one call after another, {calls}. The caller, the service, the broker and
the database share the machine. Percentiles are the median over {rounds} rounds, the lowest and the highest in brackets.
The peer is FastAPI on uvicorn with a constant answer: no token, no database, no checks.

{table}
"""


def page(compared: Sequence[Compared], *, machine: str, day: date) -> str:
    """The whole of docs/benchmarks.md."""
    rows = [_cells(one) for one in compared]
    lines = [HEADINGS, tuple("---" for _ in HEADINGS), *rows]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    calls = ", ".join(f"{one.ours.count} × {one.work.split()[0]}" for one in compared)
    rounds = len(compared[0].ours.rounds)
    return PAGE.format(day=day.isoformat(), machine=machine, calls=calls, rounds=rounds, table=table)


def terminal_table(compared: Sequence[Compared]) -> Table:
    """The same for the terminal."""
    table = Table(*HEADINGS, width=TERMINAL_CHARACTERS)
    for one in compared:
        table.add_row(*_cells(one))
    return table


def _cells(one: Compared) -> tuple[str, ...]:
    low, high = one.ours.spread(95)
    return (
        one.work,
        _ms(one.ours, 50),
        f"{_ms(one.ours, 95)} ({low * 1000:.1f}–{high * 1000:.1f})",
        _ms(one.ours, 99),
        _ms(one.peer, 50),
        _ms(one.peer, 95),
        f"{one.ours.percentile(50) / one.peer.percentile(50):.1f} ×",
        f"p95 < {one.target_s * 1000:.0f} ms",
        "met" if one.met else "missed",
    )


def _ms(latencies: Latencies, percent: int) -> str:
    return f"{latencies.percentile(percent) * 1000:.1f} ms"
