"""The figures as Markdown, and as tables for whoever waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rich.table import Table

from benchmarks.latency import Compared
from benchmarks.sizing import ACCOUNTS, RESERVATIONS, ROUNDS, Run, SizingFigures

TERMINAL_CHARACTERS = 140

PAGE = """# Benchmarks

Written by `make bench`: it brings up its own stacks, runs ours and the peers by turns, and stops everything again.
Last run on {day}: {machine}. The client, the services, the broker and the database share the machine.

{sections}
"""

DIAL = """An idle stack, one caller on one connection, one call after another, {calls}. Percentiles are the median over
{rounds} rounds, the lowest and the highest in brackets. The peer is FastAPI on uvicorn with a constant answer: no
token, no database, no checks."""

SIZING = """Three entries a request, {accounts} accounts, {reservations} live reservations, one worker with everything
on: account locks, reservations, the full record, the configuration check, confirmed replies. The echo is a bare
aio-pika RPC on a quorum queue, no database. The ORM is a FastStream handler on SQLAlchemy's ORM with one transaction
a message, the same engine and the same tables. Medians of {rounds} rounds by turns, the lowest and highest in
brackets."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: a heading, what was done, and one table."""

    title: str
    text: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """The section as Markdown."""
        lines = [self.headings, tuple("---" for _ in self.headings), *self.rows]
        table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        return f"## {self.title}\n\n{self.text}\n\n{table}"

    def terminal_table(self) -> Table:
        """Its table for the terminal."""
        table = Table(*self.headings, title=self.title, width=TERMINAL_CHARACTERS)
        for row in self.rows:
            table.add_row(*row)
        return table


def page(sections: Sequence[Section], *, machine: str, day: date) -> str:
    """The whole of docs/benchmarks.md."""
    text = "\n\n".join(section.markdown() for section in sections)
    return PAGE.format(day=day.isoformat(), machine=machine, sections=text)


def dial_section(compared: Sequence[Compared]) -> Section:
    """The dial over HTTP."""
    calls = ", ".join(f"{one.ours.count} × {one.work.split()[0]}" for one in compared)
    return Section(
        "The dial over HTTP",
        DIAL.format(calls=calls, rounds=len(compared[0].ours.rounds)),
        ("call", "p50", "p95 (rounds)", "p99", "bare FastAPI p50", "p95", "p50 ratio", "target", ""),
        tuple(_compared(one) for one in compared),
    )


def _compared(one: Compared) -> tuple[str, ...]:
    low, high = one.ours.spread(95)
    return (
        one.work,
        _ms(one.ours.percentile(50)),
        f"{_ms(one.ours.percentile(95))} ({low * 1000:.1f}–{high * 1000:.1f})",
        _ms(one.ours.percentile(99)),
        *(_ms(one.peer.percentile(percent)) for percent in (50, 95)),
        f"{one.ours.percentile(50) / one.peer.percentile(50):.1f} ×",
        f"p95 < {one.target_s * 1000:.0f} ms",
        _met(met=one.met),
    )


def sizing_section(figures: SizingFigures) -> Section:
    """A sizing request and its reply."""
    runs = figures.runs
    one, echo_one = runs["ours, one"], runs["echo, one"]
    ratios = [
        ("throughput, 200 in flight, to the echo", figures.ratio("ours", "echo"), 1.2, True),
        ("throughput, 200 in flight, to the ORM", figures.ratio("ours", "orm"), 6.0, True),
        ("p50, one at a time, to the echo", one.latency_s(50) / echo_one.latency_s(50), 2.5, False),
        ("p99, one at a time, to the echo", one.latency_s(99) / echo_one.latency_s(99), 2.5, False),
        ("throughput, one hot account, to 5,000", figures.ratio("ours, hot", "ours"), 0.5, True),
    ]
    p99 = runs["ours, half"].latency_s(99)
    rows = [_run(name, run) for name, run in runs.items()]
    rows += [
        (name, f"{ratio:.2f} ×", *[""] * 4, f"{'≥' if least else '≤'} {target} ×", _met(met=(ratio >= target) is least))
        for name, ratio, target, least in ratios
    ]
    rows.append(
        ("p99 at half the saturation rate, open loop", _ms(p99), *[""] * 4, "p99 < 100 ms", _met(met=p99 < 0.1))
    )
    return Section(
        "A sizing request and its reply",
        SIZING.format(accounts=f"{ACCOUNTS:,}", reservations=f"{RESERVATIONS:,}", rounds=ROUNDS),
        ("load", "answers a second", "p50", "p95", "p99", "client's share of a core", "target", ""),
        tuple(rows),
    )


def _run(name: str, run: Run) -> tuple[str, ...]:
    each = [one.answered / one.seconds for one in run.outcomes]
    return (
        name,
        f"{run.throughput:.0f} ({min(each):.0f}–{max(each):.0f})",
        *(_ms(run.latency_s(percent)) for percent in (50, 95, 99)),
        f"{run.client_share:.0%}",
        "",
        "",
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _met(*, met: bool) -> str:
    return "met" if met else "missed"
