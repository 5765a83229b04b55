"""Waiting for a condition, with a bound: what tests and the demo do instead of sleeping."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

FoundT = TypeVar("FoundT")

POLL_S = 0.02


async def eventually(condition: Callable[[], Awaitable[FoundT]], *, timeout_s: float = 10.0) -> FoundT:
    """Ask `condition` again and again until what it gives is true, and return that.

    Raises AssertionError with the last thing it gave when `timeout_s` is over.
    """
    deadline = time.monotonic() + timeout_s
    while not (found := await condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s; the last look found {found!r}")
        await asyncio.sleep(POLL_S)
    return found
