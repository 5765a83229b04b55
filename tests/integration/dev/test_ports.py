"""A port that was given is nobody else's, though its server has not taken it yet."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from dev.servers import ports
from dev.servers.ports import PROMISES_MAX, free_ports
from dev.tree import ROOT

FEW = 100
"""Ports to choose from, of which the tests take so many that chance would repeat some."""
TAKEN = 30
IN_ANOTHER_PROCESS = """
import sys
from dev.servers import ports
ports.LOWEST, end, count = map(int, sys.argv[1:])
ports._first_ephemeral = lambda: end
print(*ports.free_ports(count))
"""


@pytest.fixture(autouse=True)
def lowest(monkeypatch: pytest.MonkeyPatch) -> int:
    """The first of the few."""
    first = random.randrange(ports.LOWEST, 32_000)  # noqa: S311  # not where another run of these tests looks
    monkeypatch.setattr(ports, "LOWEST", first)
    monkeypatch.setattr(ports, "_first_ephemeral", lambda: first + FEW)
    return first


def test_no_port_is_given_twice_while_its_server_starts() -> None:
    given = [free_ports(1)[0] for _ in range(TAKEN)]

    assert len(set(given)) == TAKEN


def test_another_process_gets_other_ports(lowest: int) -> None:
    ours = free_ports(TAKEN)

    range_and_count = map(str, (lowest, lowest + FEW, TAKEN))
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, *range_and_count]
    ended = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)

    assert len(ended.stdout.split()) == TAKEN
    assert not set(map(int, ended.stdout.split())) & set(ours)


def test_what_was_given_long_ago_is_given_again() -> None:
    for _ in range(PROMISES_MAX):
        free_ports(2)

    assert len(free_ports(TAKEN)) == TAKEN
