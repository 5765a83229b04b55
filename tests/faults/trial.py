"""The form of a fault test: traffic before, during and after; then heal, drain, count, write down, judge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.book import Page
from tests.faults.rest import until_at_rest
from tests.faults.system import System, under_traffic
from tests.faults.traffic import Traffic


@asynccontextmanager
async def trial(
    system: System, page: Page, *, within_s: float, variant: str = "", note: str = "", guilty: set[str] | None = None
) -> AsyncIterator[Traffic]:
    """The block is the fault, and ends when it is healed; or says itself when, by `System.heal`.

    Afterwards everybody must be ready and answering `within_s` seconds, nothing lost, doubled or unexpected, and
    everything must come to rest.
    `guilty` are ids of messages that are parked with reason; the block may add to it.
    """
    if not system.services:
        await asyncio.to_thread(system.launch_all)
    async with under_traffic(system) as traffic:
        yield traffic
        if system.healed_at is None:
            system.heal()
        recovery_s = await system.recovery_s(traffic)
    counts = await system.counts(traffic, guilty=guilty or ())
    page.write(counts, recovery_s=recovery_s, variant=variant, note=note)
    assert counts.is_clean
    await until_at_rest(system)
    assert recovery_s < within_s
