"""A service is killed at every step of its handler; what it held comes again and has one effect.

The steps are a list, for each kind of message. A handler that takes another step than those fails the first test,
until the list names it, and with it the second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from dev.stack.processes import Service, ServiceProcess
from dev.waiting import eventually
from tests.faults.book import Page
from tests.faults.stepping import CRASHED
from tests.faults.system import System
from tests.faults.work import at_work

STEPS: dict[Service, dict[str, tuple[str, ...]]] = {
    "sizing_worker": {
        "request": (
            "taken",
            "lock_accounts",
            "load_situation",
            "save_decisions",
            "commit",
            "reply",
            "ack",
            "event",
            "done",
        ),
        "outcome": ("taken", "lock_accounts", "load_situation", "save_outcomes", "commit", "ack", "done"),
        "unreadable request": ("taken", "lock_accounts", "load_situation", "commit", "parked copy", "ack", "done"),
    },
    "sync_consumer": {
        "snapshot": (
            "taken",
            "lock_accounts",
            "lock_accounts 2",
            "save_accounts",
            "save_accounts 2",
            "write_logs",
            "commit",
            "ack",
            "done",
        ),
        "instruments": (
            "taken",
            "lock_accounts",
            "lock_accounts 2",
            "save_specs",
            "write_logs",
            "commit",
            "ack",
            "done",
        ),
        "snapshot of the future": (
            "taken",
            "lock_accounts",
            "lock_accounts 2",
            "mark_error",
            "write_logs",
            "commit",
            "parked copy",
            "ack",
            "event",
            "done",
        ),
    },
    "config_service": {
        "command": (
            "taken",
            "lock_head",
            "read_head",
            "find_command",
            "find_planned",
            "find_cancelled",
            "insert_version",
            "insert_version 2",
            "insert_version 3",
            "commit",
            "reply",
            "ack",
            "done",
        ),
        "planned change": (
            "taken",
            "lock_head",
            "read_head",
            "find_command",
            "find_planned",
            "find_cancelled",
            "read_plans",
            "insert_schedule",
            "commit",
            "reply",
            "ack",
            "done",
        ),
    },
}
TURNS = ("commit", "ack")
"""Where what was decided becomes true, and where the message is over."""
BACK_WITHIN_S = 15.0
"""From the crash to the effect, one start of the service included."""


def crashes(service: Service) -> list[tuple[str, str]]:
    """Every step of the first kind; of the others those that no kind before takes, and where it turns."""
    chosen: dict[tuple[str, str], None] = {}
    for kind, steps in STEPS[service].items():
        known = {step for _, step in chosen}
        chosen.update({(kind, step): None for step in steps if step not in known or step in TURNS})
    return list(chosen)


async def _with(process: ServiceProcess, act: Callable[[], Awaitable[None]]) -> None:
    try:
        await act()
    finally:
        await asyncio.to_thread(process.kill)


@pytest.mark.short
@pytest.mark.parametrize("service", STEPS)
async def test_the_list_names_every_step_of_the_handler(guest: System, service: Service, tmp_path: Path) -> None:
    steps = tmp_path / "steps"
    steps.touch()
    found = {}

    def written() -> list[str]:
        return steps.read_text(encoding="utf-8").splitlines()

    async def ended() -> bool:
        return bool(written()) and written()[-1] == "done"

    async with at_work(guest) as work:
        traced = guest.launch(service, under=["tests.faults.stepping", "trace", str(steps)])

        async def give_each() -> None:
            await asyncio.to_thread(traced.wait_ready)  # else an impatient sender's second message is in the batch too
            for kind in STEPS[service]:
                before = len(written())
                await work.give(kind)
                await eventually(ended)
                found[kind] = _first_batch(written()[before:])

        await _with(traced, give_each)

    assert found == STEPS[service]


def _first_batch(steps: list[str]) -> tuple[str, ...]:
    return tuple(steps[: steps.index("done") + 1])


@pytest.mark.timeout(600)
@pytest.mark.parametrize("service", STEPS)
@pytest.mark.fault(1, "kill -9 at each step of the handler")
async def test_a_crash_at_any_step_loses_nothing_and_doubles_nothing(
    guest: System, page: Page, service: Service
) -> None:
    slowest_s = 0.0
    async with at_work(guest) as work:
        for kind, step in crashes(service):
            crashing = guest.launch(service, under=["tests.faults.stepping", "crash", step])
            giving = asyncio.create_task(work.give(kind))
            await _until_ended(crashing)
            assert crashing.exit_code == CRASHED, (kind, step)
            crashed_at = time.monotonic()
            await _with(guest.launch(service), lambda giving=giving: asyncio.wait_for(giving, BACK_WITHIN_S))  # type: ignore[misc]
            slowest_s = max(slowest_s, time.monotonic() - crashed_at)
        counts = await work.counts()

    note = f"{len(crashes(service))} steps of {len(STEPS[service])} kinds of message; the slowest return"
    page.write(counts, recovery_s=slowest_s, variant=service, note=note)
    assert counts.is_clean


async def _until_ended(process: ServiceProcess) -> None:
    async def look() -> bool:
        return not process.is_running()

    await eventually(look, timeout_s=30)
