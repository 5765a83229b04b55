"""More workers on one machine, on the page."""

from __future__ import annotations

from benchmarks import chart
from benchmarks.load import BROKER, DATABASE, SERVER, Run
from benchmarks.report import Section, Table, Target
from benchmarks.sections.figures import microseconds, milliseconds, with_spread
from benchmarks.workers import WorkersFigures

TEXT = """The same sizing load, 200 in flight, on 1, 2 and 4 workers by turns. Client, broker and database share the
cores with them: one worker fills what is left, so that more of them can only divide it. The batch limit is
`LOTWISE_BATCH_MAX`; one round each."""
TARGETS = {2: 0.95, 4: 0.75}


def workers_section(figures: WorkersFigures) -> Section:
    """Throughput by workers, and by batch limit."""
    runs = figures.runs
    tables = [Table(_HEADINGS, tuple(_row(workers, run) for workers, run in runs.items()))]
    if figures.by_limit:
        tables.append(_limits(figures.by_limit))
    return Section(
        "More workers on the same machine",
        TEXT,
        tuple(tables),
        tuple(
            Target(
                f"{workers} workers, throughput to 1 worker's",
                runs[workers].throughput / runs[1].throughput,
                "≥",
                bound,
            )
            for workers, bound in TARGETS.items()
        ),
        {"workers.svg": _chart(figures)},
    )


_HEADINGS = (
    "workers",
    "answers a second",
    "p50",
    "p99",
    *(f"CPU a request: {one}" for one in (SERVER, BROKER, DATABASE)),
)


def _row(workers: int, run: Run) -> tuple[str, ...]:
    return (
        str(workers),
        with_spread(run.throughput, [one.per_s for one in run.rounds]),
        *(milliseconds(run.latency_s(percent)) for percent in (50, 99)),
        *(microseconds(run.cpu_s[process]) for process in (SERVER, BROKER, DATABASE)),
    )


def _limits(by_limit: dict[int, dict[int, Run]]) -> Table:
    workers = list(next(iter(by_limit.values())))
    rows = [
        (str(limit), *(f"{runs[number].throughput:,.0f}" for number in workers)) for limit, runs in by_limit.items()
    ]
    return Table(("batch limit", *(f"answers a second, workers: {number}" for number in workers)), tuple(rows))


def _chart(figures: WorkersFigures) -> str:
    named = {f"batches of at most {limit}": runs for limit, runs in figures.by_limit.items()} or {"ours": figures.runs}
    return chart.lines(
        "Throughput by workers",
        x="workers",
        points=[str(workers) for workers in figures.runs],
        unit="answers a second",
        series={name: [run.throughput for run in runs.values()] for name, runs in named.items()},
    )
