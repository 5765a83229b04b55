"""The suite in its two phases: every test in one of them, and a failure in either is a failure."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dev.suite import NOTHING_SELECTED, verdict
from dev.tree import ROOT


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        ([0, 0], 0),
        ([1, 0], 1),
        ([0, 1], 1),
        ([2], 2),
        ([0, NOTHING_SELECTED], 0),
        ([NOTHING_SELECTED, 0], 0),
        ([NOTHING_SELECTED, 1], 1),
        ([NOTHING_SELECTED, NOTHING_SELECTED], NOTHING_SELECTED),
    ],
)
def test_the_whole_passes_where_a_phase_passed_and_none_failed(statuses: list[int], status: int) -> None:
    assert verdict(statuses) == status


def test_every_test_is_run_by_one_phase() -> None:
    both = ["tests/faults/test_crash_points.py", "tests/contract/test_topology.py"]

    command = [sys.executable, "-m", "dev.suite", *both, "-n0", "--collect-only", "-q"]
    ended = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)

    tests = [line for line in ended.stdout.splitlines() if "::" in line]
    assert len(tests) == len(set(tests))
    assert {test.partition("::")[0] for test in tests} == set(both)
