"""A sizing request and its reply, on the page."""

from __future__ import annotations

from benchmarks import chart
from benchmarks.load import BROKER, CLIENT, DATABASE, SERVER, Run
from benchmarks.report import Section, Table, Target
from benchmarks.sections.figures import MILLI, microseconds, milliseconds, with_spread
from benchmarks.sizing import ACCOUNTS, RESERVATIONS, SizingFigures

TEXT = """Three entries a request, {accounts} accounts, {reservations} live reservations, one worker with everything
on: account locks, reservations, the full record, the configuration check, confirmed replies. The echo is a bare
aio-pika RPC on a quorum queue, no database. The ORM is a FastStream handler on SQLAlchemy's ORM with one transaction
a message, the same engine and the same tables. Both run on uvloop, each with the prefetch that served it best when
tried (echo: {echo}, ORM: {orm}). Closed loop, but for the one at half the saturation
rate: there requests are sent when they are due, whatever was answered, and a latency counts from that time. Medians of
{rounds} by turns, the lowest and highest in brackets; processor time is what each process took, by request."""
PERCENTILES = (50, 75, 90, 95, 99, 99.9)


def sizing_section(figures: SizingFigures) -> Section:
    """Throughput, latency, processor time, and all beside the peers'."""
    runs = figures.runs
    rounds = len(runs["ours"].rounds)
    return Section(
        "A sizing request and its reply",
        TEXT.format(
            accounts=f"{ACCOUNTS:,}",
            reservations=f"{RESERVATIONS:,}",
            rounds=f"{rounds} rounds" if rounds > 1 else "one round",
            **figures.prefetches,
        ),
        (_table(runs), _processors(runs), _sweep(figures)),
        _targets(figures),
        {"sizing-in-flight.svg": _throughput_chart(figures), "sizing-latencies.svg": _latency_chart(runs)},
        {"scaling.md": _carried(runs["ours"])},
    )


def _targets(figures: SizingFigures) -> tuple[Target, ...]:
    runs = figures.runs
    one, echo_one = runs["ours, one"], runs["echo, one"]
    return (
        Target("sizing, 200 in flight, approved", runs["ours"].approved_share * 100, "≥", 95, "%"),
        Target("sizing, 200 in flight, throughput to the echo's", figures.ratio("ours", "echo"), "≥", 1.2),
        Target("sizing, 200 in flight, throughput to FastStream + ORM's", figures.ratio("ours", "orm"), "≥", 6),
        Target("sizing, one at a time, p50 to the echo's", one.latency_s(50) / echo_one.latency_s(50), "≤", 2.5),
        Target("sizing, one at a time, p99 to the echo's", one.latency_s(99) / echo_one.latency_s(99), "≤", 2.5),
        Target("sizing, half the saturation rate, p99", runs["ours, half"].latency_s(99) * MILLI, "<", 100, "ms"),
        Target("sizing, one hot account, throughput to 5,000 accounts'", figures.ratio("ours, hot", "ours"), "≥", 0.5),
    )


def _table(runs: dict[str, Run]) -> Table:
    headings = ("load", "answers a second", "p50", "p95", "p99", "approved", "client's share of a core")
    return Table(headings, tuple(_row(name, run) for name, run in runs.items()))


def _row(name: str, run: Run) -> tuple[str, ...]:
    return (
        name,
        with_spread(run.throughput, [one.per_s for one in run.rounds]),
        *(milliseconds(run.latency_s(percent)) for percent in (50, 95, 99)),
        "–" if name.startswith("echo") else f"{run.approved_share:.1%}",
        f"{run.client_share:.0%}",
    )


def _processors(runs: dict[str, Run]) -> Table:
    processes = (SERVER, BROKER, DATABASE, CLIENT)
    rows = [(name, *(microseconds(run.cpu_s[process]) for process in processes)) for name, run in runs.items()]
    return Table(("load", *(f"CPU a request: {process}" for process in processes)), tuple(rows))


def _carried(ours: Run) -> Table:
    """What a core of each carries, and what a request writes."""
    costs = {process: ours.cpu_s[process] for process in (SERVER, BROKER, DATABASE)}
    rows = [(process, microseconds(cost), f"{1 / cost:,.0f}") for process, cost in costs.items()]
    rows.append(("write-ahead log", f"{ours.written.wal_bytes:,.0f} bytes", ""))
    rows.append(("database, on disk", f"{ours.written.size_bytes:,.0f} bytes", ""))
    return Table(("", "a request", "requests a second that one core carries"), tuple(rows))


def _sweep(figures: SizingFigures) -> Table:
    rows = [
        (
            str(in_flight),
            *(f"{run.throughput:,.0f}" for run in pair),
            f"{pair[0].throughput / pair[1].throughput:.2f} ×",
            *(milliseconds(run.latency_s(99)) for run in pair),
        )
        for in_flight, pair in figures.sweep.items()
    ]
    return Table(("in flight", "ours, a second", "echo, a second", "ratio", "ours p99", "echo p99"), tuple(rows))


def _throughput_chart(figures: SizingFigures) -> str:
    pairs = figures.sweep.values()
    return chart.lines(
        "Throughput by requests in flight",
        x="requests in flight",
        points=[str(in_flight) for in_flight in figures.sweep],
        unit="answers a second",
        series={"ours": [ours.throughput for ours, _ in pairs], "echo": [echo.throughput for _, echo in pairs]},
    )


def _latency_chart(runs: dict[str, Run]) -> str:
    shown = {
        "ours, one at a time": "ours, one",
        "echo, one at a time": "echo, one",
        "ours, half the saturation": "ours, half",
        "ours, 200 in flight": "ours",
    }
    return chart.lines(
        "Latency by percentile",
        x="percentile",
        points=[f"p{percent:g}" for percent in PERCENTILES],
        unit="milliseconds, powers of ten",
        series={
            title: [runs[name].latency_s(percent) * MILLI for percent in PERCENTILES] for title, name in shown.items()
        },
        log=True,
    )
