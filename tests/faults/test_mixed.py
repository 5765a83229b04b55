"""Two of each service, and faults that chance chooses, one after the other."""

from __future__ import annotations

import asyncio
import random
import secrets
import signal
import time
from collections.abc import Awaitable, Callable, Mapping

import pytest

from dev.stack.processes import Service
from tests.faults.book import Page, note
from tests.faults.operator import control
from tests.faults.system import System
from tests.faults.trial import trial

BACK_WITHIN_S = 20.0
PAUSE_MAX_S = 3.0
FROZEN_MAX_S = 12.0
TWO_OF_EACH: Mapping[Service, int] = {"sync_consumer": 2, "sizing_worker": 2, "config_service": 2}

Fault = Callable[[System, random.Random], Awaitable[None]]


async def kill(system: System, chance: random.Random) -> None:
    """SIGKILL one process, and start it again."""
    process = chance.choice(system.services)
    await asyncio.to_thread(process.kill)
    await asyncio.to_thread(process.start)


async def stop(system: System, chance: random.Random) -> None:
    """SIGTERM one process, and start it again."""
    process = chance.choice(system.services)
    await asyncio.to_thread(process.terminate)
    await asyncio.to_thread(process.start)


async def freeze(system: System, chance: random.Random) -> None:
    """SIGSTOP one process for a while."""
    process = chance.choice(system.services)
    process.send(signal.SIGSTOP)
    try:
        await asyncio.sleep(chance.uniform(0, FROZEN_MAX_S))  # the length of the fault
    finally:
        process.send(signal.SIGCONT)


async def cut(system: System, _: random.Random) -> None:
    """Close every connection to the broker."""
    await control(system, "close_all_connections", "--global", "fault")


async def restart_broker(system: System, _: random.Random) -> None:
    """Stop the broker and start it again, its node left running."""
    await control(system, "stop_app")
    await control(system, "start_app")


FAULTS: tuple[tuple[Fault, int], ...] = ((kill, 5), (stop, 3), (freeze, 2), (cut, 2), (restart_broker, 1))
"""Each with its weight."""


@pytest.mark.timeout(3600)
@pytest.mark.fault(42, "faults that chance chooses")
async def test_faults_by_chance_lose_nothing(guest: System, page: Page, pytestconfig: pytest.Config) -> None:
    seed = pytestconfig.getoption("--seed")
    if seed is None:
        seed = secrets.randbelow(2**32)
    bound_s = pytestconfig.getoption("--mixed-faults-s")
    print(f"seed {seed}: repeat with --seed {seed}")  # noqa: T201 - shown where the test fails
    note(seed=seed)
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    kinds, weights = zip(*FAULTS, strict=True)
    await asyncio.to_thread(guest.launch_all, TWO_OF_EACH)
    done = 0
    ends_at = time.monotonic() + bound_s
    async with trial(guest, page, within_s=BACK_WITHIN_S, variant=f"{bound_s:g} s", note=f"seed {seed}"):
        while time.monotonic() < ends_at:
            (fault,) = chance.choices(kinds, weights)
            await fault(guest, chance)
            await asyncio.sleep(chance.uniform(0, PAUSE_MAX_S))  # between two faults
            done += 1
    assert done > 0
