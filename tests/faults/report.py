"""`python -m tests.faults.report` writes docs/faults.md from the book of faults; with `--new` it begins a new book."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from dev.tree import ROOT, shown
from tests.faults.book import Entry, folder, read_entries, read_facts

PAGE = ROOT / "docs" / "faults.md"
LAST = 44
NOT_RUN: dict[int, tuple[str, str]] = {}
"""Faults that cannot be run everywhere, by number: the fault, and why."""

INTRODUCTION = """\
# Faults

What happens to Lotwise when something breaks. Each line is a test under `tests/faults`, run on private servers, under
traffic that goes on; afterwards all is healed and drained, then everything that was sent is compared with what the
database holds. `make faults` writes this page anew.

- **attempted**: requests, snapshots and commands sent. **acknowledged**: answered, or confirmed by the broker.
- **ok**: acknowledged, and with its effect. **lost**: acknowledged, without it.
- **duplicated**: with more than one effect, or answered in two ways.
- **unexpected**: an effect that nobody asked for, an account not at its newest snapshot, an innocent message parked.
- **recovered**: not acknowledged at the first attempt, and with its effect all the same.
- **back**: seconds from the end of the fault until all processes are ready and answers come again.
"""
HEADINGS = (
    "#", "fault", "attempted", "acknowledged", "ok", "lost", "duplicated", "unexpected", "recovered", "back, s", "note",
)  # fmt: skip


def row(entry: Entry) -> tuple[str, ...]:
    """An entry as cells of the table."""
    counts = entry.counts
    counted = (
        counts.attempted,
        counts.acknowledged,
        counts.ok,
        counts.lost,
        counts.duplicated,
        counts.unexpected,
        counts.recovered,
    )
    back = "" if entry.recovery_s is None else f"{entry.recovery_s:.1f}"
    return (f"{entry.number}", entry.fault, *map(str, counted), back, entry.note)


def table(entries: list[Entry]) -> list[str]:
    """The whole table, by number; what was not run has a line too."""
    rows = [(entry.number, row(entry)) for entry in entries]
    rows += [(number, (f"{number}", name, *[""] * 8, f"not run: {why}")) for number, (name, why) in NOT_RUN.items()]
    cells = [HEADINGS, tuple("---" for _ in HEADINGS), *(cells for _, cells in sorted(rows))]
    return ["| " + " | ".join(line) + " |" for line in cells]


def missing(entries: list[Entry]) -> list[int]:
    """Numbers that have neither a line nor a reason for having none."""
    return sorted(set(range(1, LAST + 1)) - {entry.number for entry in entries} - NOT_RUN.keys())


def measured(facts: Mapping[str, str]) -> str:
    """What the faults happened to, and what is needed to repeat them."""
    return ", ".join(
        fact if name == "measured_on" else f"{name.replace('_', '-')} {fact}" for name, fact in facts.items()
    )


def write() -> int:
    """Write the page; returns the exit status, 1 where a number is missing from it."""
    entries = read_entries()
    text = "\n".join([INTRODUCTION, f"{measured(read_facts())}.", "", *table(entries), ""])
    PAGE.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(entries)} lines in {shown(PAGE)}\n")
    if numbers := missing(entries):
        sys.stderr.write(f"Neither run nor explained: {', '.join(map(str, numbers))}\n")
        return 1
    return 0


def begin() -> int:
    """Forget the last run."""
    for file in folder().iterdir():
        file.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(begin() if sys.argv[1:] == ["--new"] else write())
