"""Drained snapshots, on the page."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.capacity import capacity_table
from benchmarks.draining import TAKING_IN, Drains
from benchmarks.load import BROKER, DATABASE, SERVER
from benchmarks.report import Section, Table, Target
from benchmarks.sections.figures import microseconds, with_spread
from benchmarks.snapshots import ACCOUNTS, IN_A_ROW

TEXT = """The queue is filled with confirmed, persistent messages while its consumer sleeps, which is then let go. The
rate is the broker's own count of acknowledgements over time, without the first twentieth and without the end, the same
for all. {accounts} accounts by turns, every snapshot newer than the last; "in a row": {in_a_row} of one account, then
of the next. The ORM is a FastStream handler on SQLAlchemy's ORM, one transaction a message, the same schema, rule and
tables. The bare consumer is aio-pika that acknowledges each message and does nothing else. Both run on uvloop, each
with the prefetch that served it best when tried ({prefetches}). Medians of {rounds} rounds by turns, the lowest and
highest in brackets; processor time is what each process took for all of the queue, by message."""
NAMES = {
    "ours": "sync_consumer",
    "ours, in a row": "sync_consumer, in a row",
    "bare": "bare aio-pika, acknowledges",
    "orm": "FastStream + ORM",
}
PROCESSES = (SERVER, BROKER, TAKING_IN, DATABASE)


def snapshots_section(drains: Mapping[str, Drains], prefetches: Mapping[str, int]) -> Section:
    """Rates, ratios and processor time."""
    ours = drains["ours"].per_s
    return Section(
        "Snapshots drained from a full queue",
        TEXT.format(
            accounts=f"{ACCOUNTS:,}",
            in_a_row=IN_A_ROW,
            prefetches=", ".join(f"{NAMES[name]}: {prefetch}" for name, prefetch in prefetches.items()),
            rounds=len(drains["ours"].rounds),
        ),
        (
            Table(
                ("drained by", "messages a second", *(f"CPU a message: {name}" for name in PROCESSES)),
                tuple(_row(NAMES[name], one) for name, one in drains.items()),
            ),
        ),
        (
            Target("snapshots drained, to FastStream + ORM", ours / drains["orm"].per_s, "≥", 15),
            Target("snapshots drained, to bare consume and acknowledge", ours / drains["bare"].per_s, "≥", 1),
            Target(
                "100 snapshots of 1 account in a row, to 5,000 by turns", drains["ours, in a row"].per_s / ours, "≥", 1
            ),
        ),
        elsewhere={"scaling.md": capacity_table(drains["ours"].cpu_s, drains["ours"].written)},
    )


def _row(name: str, drains: Drains) -> tuple[str, ...]:
    cpu_s = drains.cpu_s
    return (
        name,
        with_spread(drains.per_s, [one.per_s for one in drains.rounds]),
        *(microseconds(cpu_s[process]) for process in PROCESSES),
    )
