"""What each stage costs, on the page."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks import chart
from benchmarks.report import Section, Table
from benchmarks.sections.figures import MICRO, microseconds
from benchmarks.stages import Costs

TEXT = """Processor time a message, under full load: sizing with 200 requests in flight, snapshots from a full queue.
The service's own is divided by samples of its stack, one every two milliseconds of processor time
(`benchmarks/sampler.py`, `benchmarks/attribution.py`); what a stage waits for the database or the broker is theirs,
below. Work of a driver outside a stage's own call is shown as the driver's."""


def stages_section(costs: Mapping[str, Costs]) -> Section:
    """A chart and a table for each service."""
    rows = {service: _rows(one) for service, one in costs.items()}
    return Section(
        "What each stage costs",
        TEXT,
        tuple(
            Table((f"{service}: stage", "CPU a message"), tuple((name, microseconds(cost)) for name, cost in each))
            for service, each in rows.items()
        ),
        charts={
            f"stages-{service.replace('_', '-')}.svg": chart.bars(
                f"{service}: processor time a message",
                unit="µs",
                rows=[(name, cost * MICRO) for name, cost in each],
            )
            for service, each in rows.items()
        },
    )


def _rows(costs: Costs) -> list[tuple[str, float]]:
    whole = sum(costs.stages.values())
    return [
        *costs.stages.items(),
        ("the service, all of it", whole),
        ("the broker", costs.broker_s),
        ("the database", costs.database_s),
    ]
