"""`make bench`, `make bench-quick`: everything measured on a stack of its own, which is gone again afterwards."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog
from rich.console import Console

from benchmarks.dial import measure_dial
from benchmarks.machine import machine
from benchmarks.report import TERMINAL_CHARACTERS, page, terminal_table
from dev.progress import say, step
from dev.servers.provider import servers
from dev.stack.stack import Stack
from dev.stack.workspace import make_workspace
from dev.tree import ROOT, run_folder, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.latency import Compared
    from dev.stack.processes import Service

REPLICAS: Mapping[Service, int] = {"sync_consumer": 1, "sizing_worker": 1, "config_service": 1}
PAGE = ROOT / "docs" / "benchmarks.md"
QUICK_SCALE = 0.2
NO_LIMIT = {"LOTWISE_HTTP_WRITES_PER_MINUTE": "1000000"}
"""What is measured is how fast a change is, not how many an owner may make."""


def main() -> int:
    """Measure, show, and write the page; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the calls; the page is left as it is")
    quick: bool = parser.parse_args().quick
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    os.environ.update(NO_LIMIT)
    with ExitStack() as at_end:
        provided = at_end.enter_context(servers(allow_containers=False))
        with step("stack"):
            stack = Stack(make_workspace(provided))
            stack.start(REPLICAS, logs=run_folder() / "logs")
        compared, where = asyncio.run(_measure(stack, scale=QUICK_SCALE if quick else 1))
    Console(highlight=False, width=TERMINAL_CHARACTERS).print(terminal_table(compared))
    say(where)
    if not quick:
        PAGE.write_text(page(compared, machine=where, day=datetime.now(UTC).date()), encoding="utf-8")
        say(f"Written to {shown(PAGE)}.")
    return 0


async def _measure(stack: Stack, *, scale: float) -> tuple[list[Compared], str]:
    return await measure_dial(stack, scale=scale, say=lambda what: say(f"  {what} …")), await machine(stack.workspace)


if __name__ == "__main__":
    sys.exit(main())
