"""Somebody deletes what Lotwise uses on the broker, puts something else in its place, or takes its rights away."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from dev.stack.processes import ROLE_OF
from dev.waiting import eventually
from shared.client.envelope import request_message
from shared.client.session import broker_settings
from shared.messaging.publisher import Publisher
from shared.messaging.topology import ACCOUNTS, CONFIG, DEAD, PARKED_QUEUES, SIZING
from tests.faults.book import Page
from tests.faults.operator import api, control, declare, delete_queues, lotwise, until_nobody_is_ready
from tests.faults.system import System, told
from tests.faults.traffic import setup
from tests.faults.trial import trial

BACK_WITHIN_S = 15.0
"""Ready again and answering, once the operator has put things right."""
EXIT_DEPLOYMENT = 78


@pytest.mark.fault(13, "every work queue deleted, then declared again")
async def test_services_return_to_work_queues_that_were_deleted(guest: System, page: Page) -> None:
    note = "what lies in a deleted queue goes with it: senders repeat what was not answered"
    async with trial(guest, page, within_s=BACK_WITHIN_S, note=note) as traffic:
        traffic.reporting.clear()
        assert (await guest.counts(traffic)).lost == 0  # the bridge's snapshots, which nobody would repeat, are in
        await delete_queues(guest, (ACCOUNTS, SIZING, CONFIG))
        traffic.reporting.set()
        await until_nobody_is_ready(guest)
        await declare(guest)


@pytest.mark.fault(14, "a work queue stands with other arguments")
async def test_a_queue_with_other_arguments_is_named_and_once_it_is_gone_work_goes_on(
    guest: System, page: Page
) -> None:
    async with trial(guest, page, within_s=BACK_WITHIN_S) as traffic:
        traffic.reporting.clear()
        assert (await guest.counts(traffic)).lost == 0
        await delete_queues(guest, [SIZING])
        await api(guest, "PUT", f"queues/{{}}/{SIZING}", durable=True, arguments={"x-queue-type": "quorum"})
        refused = await asyncio.to_thread(lotwise, guest, "topology")
        compared = await asyncio.to_thread(lotwise, guest, "topology", "--check")
        await delete_queues(guest, [SIZING])
        await declare(guest)
        traffic.reporting.set()
    assert refused.returncode == EXIT_DEPLOYMENT
    assert SIZING in refused.stderr + refused.stdout
    assert compared.returncode == 1
    assert "x-delivery-limit" in compared.stdout


@pytest.mark.fault(15, "dead-letter exchange and queues missing")
async def test_a_message_that_cannot_be_parked_waits_for_its_place(guest: System, page: Page) -> None:
    urls = guest.workspace.virtual_host.role_urls
    poison = Publisher(broker_settings(urls["signal-engine"]), name="poison")
    message = request_message(setup(1))
    guilty = {message.message_id}
    async with trial(guest, page, within_s=BACK_WITHIN_S, guilty=guilty):
        running = asyncio.create_task(poison.run())
        await api(guest, "DELETE", f"exchanges/{{}}/{DEAD}")
        await delete_queues(guest, [queue.name for queue in PARKED_QUEUES])
        await poison.publish(replace(message, body=b"not a document"))
        await _until_settlement_fails(guest)
        await declare(guest)
        running.cancel()
        await asyncio.wait([running])
    assert {one.message_id for one in await asyncio.to_thread(guest.parked)} == guilty


async def _until_settlement_fails(system: System) -> None:
    async def look() -> bool:
        return any(told(process, "session.ended") for process in system.of("sizing_worker"))

    await eventually(look, timeout_s=30)


def _services(system: System) -> dict[str, str]:
    """Each service's user on the broker, and its password."""
    urls = map(urlsplit, system.workspace.virtual_host.role_urls.values())
    users = {url.username or "": url.password or "" for url in urls}
    return {user: users[user] for user in users if user.startswith(tuple(ROLE_OF.values()))}


@pytest.mark.fault(16, "permissions of the services cleared, then restored")
async def test_services_without_permissions_are_not_ready_and_return_with_them(guest: System, page: Page) -> None:
    vhost = guest.workspace.virtual_host.name
    listed = json.loads(await control(guest, "list_permissions", "--vhost", vhost, "--formatter", "json"))
    rights = {row["user"]: (row["configure"], row["write"], row["read"]) for row in listed}
    async with trial(guest, page, within_s=BACK_WITHIN_S):
        for user in _services(guest):
            await control(guest, "clear_permissions", "--vhost", vhost, user)
        await control(guest, "close_all_connections", "--global", "fault")
        await until_nobody_is_ready(guest)
        for user in _services(guest):
            await control(guest, "set_permissions", "--vhost", vhost, user, *rights[user])


@pytest.mark.fault(16, "passwords of the services changed, then restored")
async def test_services_whose_passwords_were_changed_are_not_ready_and_return_with_them(
    guest: System, page: Page
) -> None:
    async with trial(guest, page, within_s=BACK_WITHIN_S):
        for user in _services(guest):
            await control(guest, "change_password", user, "another")
        await control(guest, "close_all_connections", "--global", "fault")
        await until_nobody_is_ready(guest)
        for user, password in _services(guest).items():
            await control(guest, "change_password", user, password)
