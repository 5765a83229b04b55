"""Workers that stop, or are killed, in the middle of their work: nothing is lost, nothing is decided twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from dev.stack.processes import ServiceProcess
from dev.stack.workspace import VirtualHost
from dev.waiting import eventually
from shared.client.sizing import SizingClient
from shared.client.snapshots import SnapshotPublisher
from shared.schemas.sizing import SizingDecision
from tests import builders
from tests.e2e.conftest import Launch
from tests.integration.sizing_worker.desk import Desk

REQUESTS = 300
REPLY_TIMEOUT_S = 40


@pytest.fixture
async def workers(launch: Launch, database: AsyncEngine) -> list[ServiceProcess]:
    """Two sizing workers, and an account to size on."""
    await Desk(database).account(balance="1000000.00", margin_free="1000000000.00")
    started = [launch("sizing_worker") for _ in range(2)]
    for process in started:
        await asyncio.to_thread(process.wait_ready)
    return started


@pytest.fixture
async def signal_engine(virtual_host: VirtualHost) -> AsyncIterator[SizingClient]:
    """Somebody who asks."""
    async with SizingClient(virtual_host.role_urls["signal-engine"]) as client:
        yield client


class Load:
    """Three hundred requests at once, and their answers as they come."""

    def __init__(self, signal_engine: SizingClient) -> None:
        self._signal_engine = signal_engine
        self.answers: list[SizingDecision] = []
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._ask()) for _ in range(REQUESTS)]

    async def _ask(self) -> None:
        request = builders.request(user_id="u-1")
        self.answers.append(await self._signal_engine.size(request, timeout_s=REPLY_TIMEOUT_S))

    async def until_answered(self, count: int) -> None:
        async def look() -> bool:
            return len(self.answers) >= count

        await eventually(look, timeout_s=REPLY_TIMEOUT_S)

    async def until_done(self) -> None:
        await asyncio.gather(*self._tasks)


async def audited(database: AsyncEngine) -> Counter[object]:
    """How many audit rows each request has."""
    async with database.connect() as connection:
        return Counter((await connection.execute(text("SELECT request_id FROM trade_setup_risk_logs"))).scalars())


async def test_a_worker_that_is_asked_to_stop_finishes_and_loses_nothing(
    workers: list[ServiceProcess], signal_engine: SizingClient, database: AsyncEngine
) -> None:
    load = Load(signal_engine)
    load.start()
    await load.until_answered(20)

    went_by_itself = await asyncio.to_thread(workers[0].terminate)

    await load.until_done()
    assert (went_by_itself, workers[0].exit_code) == (True, 0)
    assert await audited(database) == Counter(answer.request_id for answer in load.answers)
    assert set((await audited(database)).values()) == {1}
    assert len(load.answers) == REQUESTS


async def test_when_workers_are_killed_every_request_is_answered_once(
    workers: list[ServiceProcess], signal_engine: SizingClient, database: AsyncEngine, launch: Launch
) -> None:
    load = Load(signal_engine)
    load.start()
    await load.until_answered(20)

    workers[0].kill()
    await load.until_answered(60)
    workers[1].kill()
    launch("sizing_worker")

    await load.until_done()
    assert await audited(database) == Counter(answer.request_id for answer in load.answers)
    assert set((await audited(database)).values()) == {1}
    assert {answer.status for answer in load.answers} == {"approved"}


async def test_a_killed_sync_consumer_loses_no_snapshot(
    launch: Launch, virtual_host: VirtualHost, database: AsyncEngine
) -> None:
    first = launch("sync_consumer")
    await asyncio.to_thread(first.wait_ready)
    async with SnapshotPublisher(virtual_host.role_urls["ea-bridge"]) as bridge:
        sending = asyncio.gather(
            *(bridge.publish(builders.snapshot(user_id="u-1", login=login)) for login in range(1, REQUESTS + 1))
        )
        await eventually(lambda: accounts(database), timeout_s=REPLY_TIMEOUT_S)
        first.kill()
        await sending
    launch("sync_consumer")

    async def all_there() -> bool:
        return await accounts(database) == REQUESTS

    await eventually(all_there, timeout_s=REPLY_TIMEOUT_S)


async def accounts(database: AsyncEngine) -> int:
    async with database.connect() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM user_mt5_accounts"))).scalar_one())
