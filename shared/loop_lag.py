"""How late the event loop is: a callback that blocks it holds up every message, heartbeat and deadline."""

from __future__ import annotations

import asyncio

import structlog

from shared import metrics

log = structlog.get_logger()

EVERY_S = 0.5
BLOCKED_S = 1.0
"""A loop that is later than this was blocked: that is worth a line in the log."""


async def watch_event_loop() -> None:
    """Measure until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + EVERY_S
        await asyncio.sleep(EVERY_S)
        lag_s = max(loop.time() - due, 0)
        metrics.EVENT_LOOP_LAG.set(lag_s)
        if lag_s > BLOCKED_S:
            log.warning("event_loop.blocked", lag_s=round(lag_s, 3))
