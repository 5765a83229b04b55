"""The broker dies, restarts, freezes, throws everybody out, takes nobody in, runs out of room."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

import httpx
import pytest

from dev.stack.processes import ServiceProcess
from dev.waiting import eventually
from shared.errors import UnknownOutcomeError
from shared.messaging.publisher import Outgoing
from shared.messaging.topology import ACCOUNTS, EVENTS
from tests.faults.book import Page
from tests.faults.operator import control, until_nobody_is_ready
from tests.faults.publishing import publishing
from tests.faults.rest import messages_held
from tests.faults.system import System, told
from tests.faults.traffic import Traffic, setup
from tests.faults.trial import trial

BACK_WITHIN_S = 20.0
"""Ready again and answering, at the latest, after the broker serves again."""
BACK_AFTER_CUT_S = 10.0
"""The same where only connections were cut."""
FAULT_S = 20.0
"""How long the broker does not answer, takes nobody in, or is out of room."""
CALLS = 20
"""So many requests are under way when the broker dies, and so many made while it is away; nobody asks a second time."""
CUTS = 5
BACKLOG = 50
ALARM_MEMORY = "0.0000001"
NO_ALARM_MEMORY = "0.4"
ALARM_DISK = "900GB"
NO_ALARM_DISK = "200MB"


def status(process: ServiceProcess, probe: str) -> int:
    """What a probe of the process answers."""
    return httpx.get(f"{process.admin_url}/{probe}", timeout=5, trust_env=False).status_code


@pytest.mark.short
@pytest.mark.fault(6, "broker killed and started again")
async def test_a_broker_that_is_killed_loses_nothing_that_it_confirmed(guest: System, page: Page) -> None:
    async with trial(guest, page, within_s=BACK_WITHIN_S) as traffic:
        calls = [asyncio.create_task(traffic.ask_by_one_call(setup(login))) for login in range(1, CALLS + 1)]
        await asyncio.to_thread(guest.broker.kill)
        calls += [asyncio.create_task(traffic.ask_by_one_call(setup(login))) for login in range(1, CALLS + 1)]
        await asyncio.to_thread(guest.broker.start)
        guest.heal()
        await asyncio.gather(*calls)  # which raises where one was not answered


@pytest.mark.fault(7, "broker restarted in an orderly way")
async def test_an_orderly_restart_of_the_broker_loses_nothing(guest: System, page: Page) -> None:
    async with trial(guest, page, within_s=BACK_WITHIN_S):
        await control(guest, "stop_app")
        await control(guest, "start_app")


@pytest.mark.fault(8, "broker frozen for 20 s")
async def test_a_frozen_broker_is_noticed_and_nobody_hangs_on_it(guest: System, page: Page) -> None:
    async with trial(guest, page, within_s=BACK_WITHIN_S):
        guest.broker.send(signal.SIGSTOP)
        try:
            await asyncio.sleep(FAULT_S)  # the length of the fault
        finally:
            guest.broker.send(signal.SIGCONT)


@pytest.mark.fault(9, "all connections closed, five times")
async def test_connections_closed_by_force_again_and_again_lose_nothing(guest: System, page: Page) -> None:
    async with trial(guest, page, within_s=BACK_AFTER_CUT_S) as traffic:
        for _ in range(CUTS):
            await control(guest, "close_all_connections", "--global", "fault")
            await traffic.until_answered(5)
    assert all(len(told(process, "session.ended")) >= CUTS for process in guest.services)


@pytest.mark.fault(10, "listeners suspended for 20 s")
async def test_while_the_broker_takes_nobody_in_services_are_alive_but_not_ready(guest: System, page: Page) -> None:
    async with trial(guest, page, within_s=BACK_AFTER_CUT_S):
        await control(guest, "suspend_listeners")
        try:
            await control(guest, "close_all_connections", "--global", "fault")
            await until_nobody_is_ready(guest)
            alive = [status(process, "healthz") for process in guest.services]
            await asyncio.sleep(FAULT_S)  # the length of the fault
        finally:
            await control(guest, "resume_listeners")
    assert alive == [200] * len(guest.services)


@pytest.mark.fault(11, "memory alarm for 20 s")
async def test_under_a_memory_alarm_consuming_goes_on_and_nothing_is_lost(guest: System, page: Page) -> None:
    async with trial(guest, page, within_s=BACK_AFTER_CUT_S) as traffic:
        await with_a_backlog(guest, traffic, then=("set_vm_memory_high_watermark", ALARM_MEMORY))
        try:
            await until_consumed_though_nobody_can_publish(guest)
            await asyncio.sleep(FAULT_S)  # the length of the fault
        finally:
            await control(guest, "set_vm_memory_high_watermark", NO_ALARM_MEMORY)


@pytest.mark.fault(12, "disk alarm for 20 s")
async def test_under_a_disk_alarm_consuming_goes_on_and_nothing_is_lost(guest: System, page: Page) -> None:
    async with trial(guest, page, within_s=BACK_AFTER_CUT_S) as traffic:
        await with_a_backlog(guest, traffic, then=("set_disk_free_limit", ALARM_DISK))
        try:
            await until_consumed_though_nobody_can_publish(guest)
            await asyncio.sleep(FAULT_S)  # the length of the fault
        finally:
            await control(guest, "set_disk_free_limit", NO_ALARM_DISK)


async def with_a_backlog(guest: System, traffic: Traffic, *, then: Sequence[str]) -> None:
    """Let snapshots pile up while their consumers sleep; give the broker a command before they wake."""
    confirmed = traffic.confirmed_snapshots()

    async def piled_up() -> bool:
        return traffic.confirmed_snapshots() >= confirmed + BACKLOG

    for process in guest.of("sync_consumer"):
        process.send(signal.SIGSTOP)
    try:
        await eventually(piled_up)
        await control(guest, *then)
    finally:
        for process in guest.of("sync_consumer"):
            process.send(signal.SIGCONT)


async def until_consumed_though_nobody_can_publish(guest: System) -> None:
    """Return once no snapshot waits, and a publish was found to give up after its bound."""

    async def consumed() -> bool:
        return ACCOUNTS not in await messages_held(guest)

    await eventually(consumed, timeout_s=FAULT_S)
    event = Outgoing(EVENTS, "nobody.listens", b"{}", None, mandatory=False)
    async with publishing(guest.workspace.virtual_host.amqp_url) as publisher:
        with pytest.raises(UnknownOutcomeError):
            await publisher.publish(event)
