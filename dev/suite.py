"""The whole suite in two phases: `python -m dev.suite [ARGUMENTS OF PYTEST]`, each with pytest's own summary.

Most tests run side by side, in a process for each processor. Those marked `alone` judge how long something takes: they
run afterwards, one by one, with nothing beside them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from dev.progress import say
from dev.servers.given import is_anything_given
from dev.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED, NOTHING_SELECTED = 2, 5
"""What pytest ends with."""


def main(arguments: Sequence[str]) -> int:
    """Run both phases, the second also where the first has failed; returns the exit status."""
    statuses = []
    for title, options in phases().items():
        say(f"{title}:")
        statuses.append(_pytest([*options, *arguments]))
        if statuses[-1] == INTERRUPTED:
            break
    return verdict(statuses)


def phases() -> dict[str, list[str]]:
    """What each phase is called, and pytest's options for it."""
    # Servers that are given are one place for all: whose test has made what could not be told there.
    processes = 0 if is_anything_given() else len(os.sched_getaffinity(0))
    beside = ["--numprocesses", str(processes), "--dist", "loadfile", "--no-loadscope-reorder"]
    return {
        "Tests that run side by side": ["--phase", "together", *beside],
        "Tests that judge time, one by one": ["--phase", "alone"],
    }


def verdict(statuses: Sequence[int]) -> int:
    """The exit status of the whole: a phase may have nothing to run, as long as the other has."""
    return max([status for status in statuses if status != NOTHING_SELECTED], default=NOTHING_SELECTED)


def _pytest(arguments: Sequence[str]) -> int:
    running = subprocess.Popen([sys.executable, "-m", "pytest", *arguments], cwd=ROOT)
    while True:
        try:
            return running.wait()
        except KeyboardInterrupt:
            continue  # pytest was interrupted too, and has to end what it started


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
