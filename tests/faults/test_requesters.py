"""Who asked is gone before the answer comes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
import pytest

from dev.stack.processes import ServiceProcess
from dev.waiting import eventually
from shared.client.envelope import request_message
from shared.client.session import broker_settings
from shared.messaging.publisher import Publisher
from tests.faults.book import Page
from tests.faults.counts import Asked
from tests.faults.system import System
from tests.faults.traffic import setup
from tests.faults.trial import trial

BACK_WITHIN_S = 10.0
GONE = 50


@pytest.mark.fault(36, "50 requesters gone before their answers")
async def test_a_requester_that_is_gone_costs_nothing(guest: System, page: Page) -> None:
    await asyncio.to_thread(guest.launch_all)
    workers = guest.of("sizing_worker")
    url = guest.workspace.virtual_host.role_urls["signal-engine"]
    settings = broker_settings(url)
    async with trial(guest, page, within_s=BACK_WITHIN_S) as traffic:
        asking = Publisher(settings, name="gone")
        running = asyncio.create_task(asking.run())
        for number in range(GONE):
            request = setup(1 + number % 20)
            gone = f"lotwise.reply.{settings.user}.gone-{number}"
            await asking.publish(replace(request_message(request), reply_to=gone))
            traffic.requests.append(Asked(request, confirmed=True))
        await eventually(lambda: _undeliverable(workers, GONE), timeout_s=30)
        running.cancel()
        await asyncio.wait([running])


async def _undeliverable(workers: list[ServiceProcess], wanted: int) -> bool:
    """Whether the workers counted so many replies that nobody takes."""
    async with httpx.AsyncClient(trust_env=False) as client:
        pages = [(await client.get(f"{worker.admin_url}/metrics")).text for worker in workers]
    lines = [line for page in pages for line in page.splitlines()]
    return sum(float(line.split()[1]) for line in lines if line.startswith(COUNTER)) == wanted


COUNTER = "lotwise_replies_undeliverable_total "
