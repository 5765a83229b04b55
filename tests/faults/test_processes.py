"""A service's process is asked to end, frozen, blocked; its twin goes on."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from dev.waiting import eventually
from shared.database.engine import asyncpg_url
from tests.faults.book import Page
from tests.faults.system import System, told
from tests.faults.traffic import setup
from tests.faults.trial import trial

BACK_WITHIN_S = 10.0
FROZEN_S = 20.0
"""Longer than the broker waits for a peer that is gone: twice the heartbeat of five seconds."""
BLOCKED_S = 16
"""Longer than the broker waits for a sign of life: at most three heartbeats of five seconds."""
DRAIN_TIMEOUT_S = 3
EXIT_MARGIN_S = 4.0
"""From the drain's deadline to the end of the process: connections are closed, the interpreter ends."""
LOCK_ALL_DECISIONS = text("LOCK TABLE decisions IN ACCESS EXCLUSIVE MODE")
WAITING_FOR_LOCKS = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


@pytest.mark.fault(2, "SIGTERM to a worker and a sync consumer under load")
async def test_a_process_that_is_asked_to_end_leaves_nothing_to_be_redelivered(guest: System, page: Page) -> None:
    await asyncio.to_thread(guest.launch_all)
    asked = [guest.of("sizing_worker")[0], guest.of("sync_consumer")[0]]
    async with trial(guest, page, within_s=BACK_WITHIN_S):
        graceful = [await asyncio.to_thread(process.terminate) for process in asked]
    redelivered = [
        entry for process in guest.services for entry in told(process, "message.settled") if entry["redelivered"]
    ]
    assert graceful == [True, True]
    assert [process.exit_code for process in asked] == [0, 0]
    assert redelivered == []


@pytest.mark.fault(3, "SIGTERM to a worker whose handler is stuck")
async def test_a_stuck_process_ends_at_its_deadline_and_its_message_goes_to_another(guest: System, page: Page) -> None:
    settings = {"LOTWISE_DRAIN_TIMEOUT_SECONDS": str(DRAIN_TIMEOUT_S), "LOTWISE_DATABASE_LOCK_TIMEOUT_SECONDS": "60"}
    stuck = guest.launch("sizing_worker", **settings)
    await asyncio.to_thread(stuck.wait_ready)
    traffic = guest.traffic()
    engine = create_async_engine(asyncpg_url(guest.workspace.database_url), poolclass=NullPool)

    async with traffic.connected():
        async with engine.begin() as outsider:
            await outsider.execute(LOCK_ALL_DECISIONS)
            asking = asyncio.create_task(traffic.ask(setup(1)))
            await _until_someone_waits(outsider)
            started = time.monotonic()
            await asyncio.to_thread(stuck.terminate)
            took_s = time.monotonic() - started
        twin = guest.launch("sizing_worker")
        guest.heal()
        await asyncio.to_thread(twin.wait_ready)
        await asking
    recovery_s = time.monotonic() - (guest.healed_at or 0)
    counts = await guest.counts(traffic)
    await engine.dispose()

    page.write(counts, recovery_s=recovery_s, note=f"ended {took_s:.1f} s after SIGTERM, deadline {DRAIN_TIMEOUT_S} s")
    assert counts.is_clean
    assert stuck.exit_code == 0
    assert DRAIN_TIMEOUT_S <= took_s < DRAIN_TIMEOUT_S + EXIT_MARGIN_S
    assert sum(entry["redelivered"] for entry in told(twin, "message.settled")) == 1
    assert recovery_s < BACK_WITHIN_S


async def _until_someone_waits(outsider: AsyncConnection) -> None:
    async def look() -> bool:
        return bool((await outsider.execute(WAITING_FOR_LOCKS)).scalar())

    await eventually(look)


@pytest.mark.fault(4, "worker frozen for 20 s, then let go")
async def test_the_twin_of_a_frozen_worker_takes_over_and_late_acknowledgements_harm_nobody(
    guest: System, page: Page
) -> None:
    await asyncio.to_thread(guest.launch_all)
    frozen = guest.of("sizing_worker")[0]
    async with trial(guest, page, within_s=BACK_WITHIN_S) as traffic:
        frozen.send(signal.SIGSTOP)
        try:
            await asyncio.sleep(FROZEN_S)  # the length of the fault
            await traffic.until_answered(20)
        finally:
            frozen.send(signal.SIGCONT)
        guest.heal()
        await _until_told(guest, "session.ended")
    assert told(frozen, "session.ended")


@pytest.mark.fault(5, "worker's event loop blocked for 16 s")
async def test_a_worker_whose_event_loop_was_blocked_comes_back(guest: System, page: Page) -> None:
    await asyncio.to_thread(guest.launch_all, {"sync_consumer": 1, "sizing_worker": 1, "config_service": 1})
    blocked = guest.launch("sizing_worker", under=["tests.faults.stepping", "block", "commit", str(BLOCKED_S)])
    await asyncio.to_thread(blocked.wait_ready)
    async with trial(guest, page, within_s=BACK_WITHIN_S) as traffic:
        await _until_told(guest, "session.ended", timeout_s=BLOCKED_S + 30)
        await traffic.until_answered(20)


async def _until_told(system: System, event: str, *, timeout_s: float = 20) -> None:
    async def look() -> bool:
        return any(told(process, event) for process in system.of("sizing_worker"))

    await eventually(look, timeout_s=timeout_s)
