"""Three workers as processes, one broker: margin is never spent twice, whichever of them takes which request."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from dev.stack.workspace import VirtualHost
from shared.client.sizing import SizingClient
from shared.schemas.sizing import SizingDecision
from tests import builders
from tests.e2e.conftest import Launch
from tests.integration.sizing_worker.desk import Desk

USERS = ("u-1", "u-2", "u-3", "u-4")
REPLY_TIMEOUT_S = 40


@pytest.fixture
async def _three_workers(launch: Launch, database: AsyncEngine) -> None:
    """Each user has 2,000.00 free, and a setup below binds 0.30 × 1,950 = 585.00 of it: 0.8 × (2,000 − 2 × 585) = 664
    is enough for a third, 0.8 × (2,000 − 3 × 585) = 196 not for a fourth."""
    desk = Desk(database)
    for login, user in enumerate(USERS, start=1):
        await desk.account(login, user_id=user, margin_free="2000.00", margin_used="8000.00")
    started = [launch("sizing_worker") for _ in range(3)]
    for process in started:
        await asyncio.to_thread(process.wait_ready)


@pytest.mark.usefixtures("_three_workers")
async def test_fifty_requests_at_once_on_each_account_get_three_approvals_each(virtual_host: VirtualHost) -> None:
    async with SizingClient(virtual_host.role_urls["signal-engine"]) as client:

        async def ask(user: str) -> SizingDecision:
            request = builders.request(user_id=user, entries=[builders.entry("1950.00", "1945.00")])
            return await client.size(request, timeout_s=REPLY_TIMEOUT_S)

        decisions = await asyncio.gather(*(ask(user) for _ in range(50) for user in USERS))

    approved = [decision.user_id for decision in decisions if decision.status == "approved"]
    assert {user: approved.count(user) for user in USERS} == dict.fromkeys(USERS, 3)
