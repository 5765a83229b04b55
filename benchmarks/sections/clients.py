"""The product's client beside the lean one, on the page."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.clients import LEAN, OURS, ClientsFigures
from benchmarks.load import CLIENT, Run
from benchmarks.report import Section, Table
from benchmarks.sections.figures import microseconds, milliseconds, with_spread

TEXT = """What `shared.client.SizingClient` costs its caller: three entries a request, to one worker with everything
on. The lean client is the one that puts the load on in the other suites: it writes its bytes by hand and reads none.
Ours checks each request and each reply, keeps deadlines and sends again. Client, broker, worker and database share the
machine, so that a client that takes more leaves less to the others."""
HEADINGS = ("client", "in flight", "answers a second", "p50", "p95", "p99", "approved", "CPU a request: client")


def clients_section(figures: ClientsFigures) -> Section:
    """Throughput and latency by client, and the ratio of the two."""
    many, one = figures.many, figures.one
    rows = (*_rows(many, "200"), *_rows(one, "1"))
    ratios = (
        ("200", f"{many[OURS].throughput / many[LEAN].throughput:.2f} ×", f"{_p50_ratio(many):.2f} ×"),
        ("1", f"{one[OURS].throughput / one[LEAN].throughput:.2f} ×", f"{_p50_ratio(one):.2f} ×"),
    )
    return Section(
        "The Python client",
        TEXT,
        (Table(HEADINGS, rows), Table(("in flight", "answers a second, ours to the lean one's", "p50"), ratios)),
    )


def _rows(runs: Mapping[str, Run], in_flight: str) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            name,
            in_flight,
            with_spread(run.throughput, [each.per_s for each in run.rounds]),
            *(milliseconds(run.latency_s(percent)) for percent in (50, 95, 99)),
            f"{run.approved_share:.1%}",
            microseconds(run.cpu_s[CLIENT]),
        )
        for name, run in runs.items()
    )


def _p50_ratio(runs: Mapping[str, Run]) -> float:
    return runs[OURS].latency_s(50) / runs[LEAN].latency_s(50)
