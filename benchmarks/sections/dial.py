"""The dial over HTTP, on the page."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.latency import Compared
from benchmarks.report import Section, Table, Target
from benchmarks.sections.figures import MILLI, milliseconds

TEXT = """An idle stack, one caller on one connection, one call after another, {calls}. Percentiles are the median over
{rounds} rounds, the lowest and the highest in brackets. The peer is FastAPI on uvicorn with a constant answer: no
token, no database, no checks."""


def dial_section(compared: Sequence[Compared]) -> Section:
    """GET and POST of the configuration."""
    calls = ", ".join(f"{one.ours.count} × {one.work.split()[0]}" for one in compared)
    headings = ("call", "p50", "p95 (rounds)", "p99", "bare FastAPI p50", "p95", "p50 ratio")
    return Section(
        "The dial over HTTP",
        TEXT.format(calls=calls, rounds=len(compared[0].ours.rounds)),
        (Table(headings, tuple(_row(one) for one in compared)),),
        tuple(
            Target(f"{one.work}, p95", one.ours.percentile(95) * MILLI, "<", one.target_s * MILLI, "ms")
            for one in compared
        ),
    )


def _row(one: Compared) -> tuple[str, ...]:
    low, high = one.ours.spread(95)
    return (
        one.work,
        milliseconds(one.ours.percentile(50)),
        f"{milliseconds(one.ours.percentile(95))} ({low * MILLI:.1f}–{high * MILLI:.1f})",
        milliseconds(one.ours.percentile(99)),
        *(milliseconds(one.peer.percentile(percent)) for percent in (50, 95)),
        f"{one.ours.percentile(50) / one.peer.percentile(50):.1f} ×",
    )
