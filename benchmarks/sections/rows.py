"""Full tables, on the page."""

from __future__ import annotations

from benchmarks.load import BROKER, DATABASE, SERVER
from benchmarks.report import Section, Table, Target
from benchmarks.rows import RowsFigures
from benchmarks.sections.figures import microseconds, milliseconds, with_spread

TEXT = """The same sizing load, 200 in flight, one worker, on a database that holds few decisions and on one that holds
many: decisions, records, audit rows and reservations, copied from real ones under other ids, a day to a week old.
200,000 reservations are live in both. A worker is started for each round; the small database is as small again in
each."""


def rows_section(figures: RowsFigures) -> Section:
    """Throughput by the decisions that lay there."""
    few, many = figures.runs
    processes = (SERVER, BROKER, DATABASE)
    rows = [
        (
            f"{decisions:,}",
            with_spread(run.throughput, [one.per_s for one in run.rounds]),
            *(milliseconds(run.latency_s(percent)) for percent in (50, 99)),
            *(microseconds(run.cpu_s[process]) for process in processes),
        )
        for decisions, run in figures.runs.items()
    ]
    ratio = figures.runs[many].throughput / figures.runs[few].throughput
    headings = ("decisions there", "answers a second", "p50", "p99", *(f"CPU a request: {one}" for one in processes))
    return Section(
        "Full tables",
        TEXT,
        (Table(headings, tuple(rows)),),
        (Target(f"sizing, {many:,} decisions there, throughput to {few:,}'s", ratio, "≥", 0.85),),
    )
