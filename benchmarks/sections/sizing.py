"""A sizing request and its reply, on the page."""

from __future__ import annotations

from benchmarks.report import Section, Table, Target
from benchmarks.sections.figures import MILLI, milliseconds, with_spread
from benchmarks.sizing import ACCOUNTS, RESERVATIONS, ROUNDS, Run, SizingFigures

TEXT = """Three entries a request, {accounts} accounts, {reservations} live reservations, one worker with everything
on: account locks, reservations, the full record, the configuration check, confirmed replies. The echo is a bare
aio-pika RPC on a quorum queue, no database. The ORM is a FastStream handler on SQLAlchemy's ORM with one transaction
a message, the same engine and the same tables. Both run on uvloop. Medians of {rounds} rounds by turns, the lowest and
highest in brackets."""


def sizing_section(figures: SizingFigures) -> Section:
    """Throughput, latency, and both beside the peers'."""
    runs = figures.runs
    one, echo_one = runs["ours, one"], runs["echo, one"]
    return Section(
        "A sizing request and its reply",
        TEXT.format(accounts=f"{ACCOUNTS:,}", reservations=f"{RESERVATIONS:,}", rounds=ROUNDS),
        (
            Table(
                ("load", "answers a second", "p50", "p95", "p99", "approved", "client's share of a core"),
                tuple(_row(name, run) for name, run in runs.items()),
            ),
        ),
        (
            Target("throughput, 200 in flight, to the echo", figures.ratio("ours", "echo"), "≥", 1.2),
            Target("throughput, 200 in flight, to FastStream + ORM", figures.ratio("ours", "orm"), "≥", 6),
            Target("p50, one at a time, to the echo", one.latency_s(50) / echo_one.latency_s(50), "≤", 2.5),
            Target("p99, one at a time, to the echo", one.latency_s(99) / echo_one.latency_s(99), "≤", 2.5),
            Target("p99 at half the saturation rate", runs["ours, half"].latency_s(99) * MILLI, "<", 100, "ms"),
            Target("throughput, one hot account, to 5,000", figures.ratio("ours, hot", "ours"), "≥", 0.5),
        ),
    )


def _row(name: str, run: Run) -> tuple[str, ...]:
    return (
        name,
        with_spread(run.throughput, [one.answered / one.seconds for one in run.outcomes]),
        *(milliseconds(run.latency_s(percent)) for percent in (50, 95, 99)),
        f"{run.approved_share:.1%}",
        f"{run.client_share:.0%}",
    )
