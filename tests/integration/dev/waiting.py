"""Waiting for a condition of the operating system."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_S = 0.02


def eventually(condition: Callable[[], bool], *, timeout_s: float) -> None:
    """Wait until the condition holds; AssertionError where it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s} s"
        time.sleep(POLL_S)
