"""The broker dies, restarts, throws everybody out."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.book import Page
from tests.faults.system import System, under_traffic

BACK_WITHIN_S = 20.0
"""Ready again and answering, at the latest, after the broker serves again."""


@pytest.mark.short
@pytest.mark.fault(6, "broker killed and started again")
async def test_a_broker_that_is_killed_loses_nothing_that_it_confirmed(system: System, page: Page) -> None:
    await asyncio.to_thread(system.launch_all)

    async with under_traffic(system) as traffic:
        await asyncio.to_thread(system.broker.kill)
        await asyncio.to_thread(system.broker.start)
        system.heal()
        recovery_s = await system.recovery_s(traffic)
    counts = await system.counts(traffic)

    page.write(counts, recovery_s=recovery_s)
    assert counts.is_clean
    assert recovery_s < BACK_WITHIN_S
