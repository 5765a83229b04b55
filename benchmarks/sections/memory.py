"""Memory after many messages, on the page."""

from __future__ import annotations

from benchmarks import chart
from benchmarks.memory import CALLS_A_TURN, MIB, PARTS, MemoryFigures
from benchmarks.report import Section, Table, Target

TEXT = """Snapshots and sizing requests at the same time, as fast as they are taken, until each service has had its
messages; as long as that takes one caller reads the dial without a pause, and turns it at every {turn}th call, whose
messages those calls are. Resident memory; growth is counted from a {parts}th of the messages, when every buffer has
been in use."""
GROWTH_MAX, MIB_MAX = 0.05, 150
COLUMNS = 10


def memory_section(figures: MemoryFigures) -> Section:
    """Growth and the most that was taken, by service."""
    rows, targets = [], []
    for service, moments in figures.moments.items():
        growth, most = figures.growth(service), figures.most_mib(service)
        messages = f"{moments[-1].messages:,}"
        ends = (f"{moment.rss_bytes / MIB:.1f} MiB" for moment in (moments[0], moments[-1]))
        rows.append((service, messages, *ends, f"{most:.1f} MiB", f"{growth:+.1%}"))
        targets.append(Target(f"{service}, growth over {messages} messages", growth * 100, "<", GROWTH_MAX * 100, "%"))
        targets.append(Target(f"{service}, the most it took", most, "<", MIB_MAX, "MiB"))
    return Section(
        "Memory",
        TEXT.format(parts=PARTS, turn=CALLS_A_TURN),
        (Table(("service", "messages", "ready", "at the end", "most", "growth"), tuple(rows)),),
        tuple(targets),
        {"memory.svg": _chart(figures)},
    )


def _chart(figures: MemoryFigures) -> str:
    return chart.lines(
        "Resident memory over the messages",
        x="share of the messages",
        points=[f"{column * 100 // COLUMNS} %" for column in range(COLUMNS + 1)],
        unit="MiB",
        series={
            service: [
                moments[round(column * (len(moments) - 1) / COLUMNS)].rss_bytes / MIB for column in range(COLUMNS + 1)
            ]
            for service, moments in figures.moments.items()
        },
    )
