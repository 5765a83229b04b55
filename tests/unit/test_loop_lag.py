"""The metrics tell how late the event loop is."""

from __future__ import annotations

import asyncio
import time

from dev.waiting import eventually
from shared.loop_lag import EVERY_S, watch_event_loop
from tests.counting import told

LATE_S = 0.3


def block() -> None:
    """Hold the loop up until its timer is overdue by so much."""
    time.sleep(EVERY_S + LATE_S)


def lag_s() -> float:
    return told("lotwise_event_loop_lag_seconds") or 0.0


async def test_the_metrics_tell_how_long_the_event_loop_was_held_up_and_that_it_is_no_more() -> None:
    async def late() -> bool:
        return lag_s() >= LATE_S

    async def in_time() -> bool:
        return lag_s() < LATE_S / 2

    watching = asyncio.create_task(watch_event_loop())
    asyncio.get_running_loop().call_later(0, block)
    await eventually(late)
    await eventually(in_time)
    watching.cancel()
    await asyncio.wait([watching])
