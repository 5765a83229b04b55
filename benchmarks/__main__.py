"""`make bench`, `make bench-quick`: everything measured on a stack of its own, which is gone again afterwards."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog
from rich.console import Console

from benchmarks import report
from benchmarks.dial import measure_dial
from benchmarks.machine import machine
from benchmarks.sizing import SizingBench
from dev.progress import say, step
from dev.servers.provider import servers
from dev.stack.stack import Stack
from dev.stack.workspace import make_workspace
from dev.tree import ROOT, run_folder, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dev.stack.processes import Service

PAGE = ROOT / "docs" / "benchmarks.md"
SUITES = ("dial", "sizing")
QUICK_SCALE = 0.2
SETTINGS = {
    # What is measured is how fast a change is, not how many an owner may make.
    "LOTWISE_HTTP_WRITES_PER_MINUTE": "1000000",
    # The accounts are reported once, before anything is measured.
    "LOTWISE_FRESHNESS_SECONDS": "86400",
}


def main() -> int:
    """Measure, show, and write the page; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"which: {', '.join(SUITES)}; all without one")
    parser.add_argument("--quick", action="store_true", help="a fifth of the time; the page is left as it is")
    arguments = parser.parse_args()
    suites = arguments.suites or SUITES
    if unknown := set(suites) - set(SUITES):
        parser.error(f"no such suite: {', '.join(sorted(unknown))}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    os.environ.update(SETTINGS)
    sections = [_MEASURE[suite](QUICK_SCALE if arguments.quick else 1.0) for suite in suites]
    console = Console(highlight=False, width=report.TERMINAL_CHARACTERS)
    for section in sections:
        console.print(section.terminal_table())
    if not arguments.quick and suites == SUITES:
        where = asyncio.run(_where())
        PAGE.write_text(report.page(sections, machine=where, day=datetime.now(UTC).date()), encoding="utf-8")
        say(f"Written to {shown(PAGE)}.")
    return 0


def _dial(scale: float) -> report.Section:
    with _stack({"sync_consumer": 1, "sizing_worker": 1, "config_service": 1}) as stack:
        return report.dial_section(asyncio.run(measure_dial(stack, scale=scale, say=_say)))


def _sizing(scale: float) -> report.Section:
    with _stack({"sizing_worker": 1, "config_service": 1}) as stack:
        return report.sizing_section(asyncio.run(SizingBench(stack, scale=scale, say=_say).measure()))


_MEASURE = {"dial": _dial, "sizing": _sizing}


@contextmanager
def _stack(replicas: Mapping[Service, int]) -> Iterator[Stack]:
    with ExitStack() as at_end:
        provided = at_end.enter_context(servers(allow_containers=False))
        with step("stack"):
            stack = Stack(make_workspace(provided))
            stack.start(replicas, logs=run_folder() / "logs")
        yield stack


async def _where() -> str:
    with servers(allow_containers=False) as provided:
        return await machine(make_workspace(provided))


def _say(what: str) -> None:
    say(f"  {what} …")


if __name__ == "__main__":
    sys.exit(main())
