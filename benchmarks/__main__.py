"""`make bench`, `make bench-quick`: everything measured on stacks of its own, which are gone again afterwards."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from datetime import UTC, datetime

import structlog
from rich.console import Console

from benchmarks import report
from benchmarks.machine import machine
from benchmarks.suites import SUITES
from dev.progress import say
from dev.servers.provider import servers
from dev.stack.workspace import make_workspace
from dev.tree import ROOT, shown

PAGE = ROOT / "docs" / "benchmarks.md"
QUICK_SCALE = 0.2
SETTINGS = {
    # What is measured is how fast a change is, not how many an owner may make.
    "LOTWISE_HTTP_WRITES_PER_MINUTE": "1000000",
    # The accounts are reported once, before anything is measured.
    "LOTWISE_FRESHNESS_SECONDS": "86400",
    # A consumer sleeps while its queue is filled, and must not be taken for dead.
    "LOTWISE_AMQP_HEARTBEAT_SECONDS": "60",
}


def main() -> int:
    """Measure, show, and write the page; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"which: {', '.join(SUITES)}; all without one")
    parser.add_argument("--quick", action="store_true", help="a fifth of the time; the page is left as it is")
    arguments = parser.parse_args()
    if unknown := set(arguments.suites) - set(SUITES):
        parser.error(f"no such suite: {', '.join(sorted(unknown))}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    os.environ.update(SETTINGS)
    scale = QUICK_SCALE if arguments.quick else 1.0
    sections = [_measured(name, scale) for name in (arguments.suites or SUITES)]
    console = Console(highlight=False, width=report.TERMINAL_CHARACTERS)
    for section in sections:
        for table in section.terminal_tables():
            console.print(table)
    if not arguments.quick and not arguments.suites:
        _write(sections)
    return 0


def _measured(name: str, scale: float) -> report.Section:
    say(f"{name}:")
    return SUITES[name](scale)


def _write(sections: list[report.Section]) -> None:
    report.write_charts(sections, PAGE.parent)
    text = report.page(sections, machine=asyncio.run(_where()), day=datetime.now(UTC).date())
    PAGE.write_text(text, encoding="utf-8")
    say(f"Written to {shown(PAGE)}.")


async def _where() -> str:
    with servers(allow_containers=False) as provided:
        return await machine(make_workspace(provided))


if __name__ == "__main__":
    sys.exit(main())
