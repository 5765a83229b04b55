"""`make bench`, `make bench-quick`: everything measured on servers of its own, gone again afterwards."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time

import structlog
from rich.console import Console

from benchmarks import report
from benchmarks.pages import write_section
from benchmarks.suites import LONG, SUITES
from dev.progress import say
from dev.servers.machine import measured_on
from dev.servers.provider import Servers, servers
from dev.tree import ROOT

DOCS = ROOT / "docs"
QUICK_SCALE = 0.2
SETTINGS = {
    # What is measured is how fast the API is, not how often one may ask.
    "LOTWISE_HTTP_WRITES_PER_MINUTE": "1000000",
    "LOTWISE_HTTP_READS_PER_MINUTE": "1000000",
    # The accounts are reported once, before anything is measured.
    "LOTWISE_FRESHNESS_SECONDS": "86400",
    # A consumer sleeps while its queue is filled, and must not be taken for dead.
    "LOTWISE_AMQP_HEARTBEAT_SECONDS": "60",
}


def main() -> int:
    """Measure, show, and write the page; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "suites", nargs="*", metavar="SUITE", help=f"{', '.join(SUITES)}; without one, all but the long"
    )
    parser.add_argument(
        "--quick", action="store_true", help="short forms of all of them; the pages are left as they are"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.suites) - set(SUITES):
        parser.error(f"no such suite: {', '.join(sorted(unknown))}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    os.environ.update(SETTINGS)
    names = arguments.suites or [name for name in SUITES if arguments.quick or name not in LONG]
    started = time.monotonic()
    with servers(allow_containers=False) as provided:
        sections = {name: _measured(provided, name, quick=arguments.quick) for name in names}
    console = Console(highlight=False, width=report.TERMINAL_CHARACTERS)
    for section in sections.values():
        for table in section.terminal_tables():
            console.print(table)
    say(f"Measured in {(time.monotonic() - started) / 60:.1f} minutes.")
    return 0


def _measured(provided: Servers, name: str, *, quick: bool) -> report.Section:
    """Run a suite; its figures are kept at once, whatever happens to the next."""
    say(f"{name}:")
    section = SUITES[name](provided, QUICK_SCALE if quick else 1.0)
    if not quick:
        write_section(DOCS, name, section, measured=f"{measured_on(provided)}.", suites=list(SUITES))
    return section


if __name__ == "__main__":
    sys.exit(main())
