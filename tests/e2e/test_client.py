"""The clients while the broker is killed and started again: each call ends with its answer, and takes effect once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from dev.runs.session import session
from dev.servers.broker import Broker
from dev.servers.provider import BINARIES, Servers
from dev.stack.workspace import Workspace, workspace
from dev.waiting import eventually
from services.sync_consumer.handler import SyncHandler
from shared.client import SizingClient, SnapshotPublisher
from shared.database.engine import asyncpg_url
from shared.messaging.topology import SIZING
from tests import builders
from tests.desk import LOGIN, USER, Desk
from tests.integration.messaging.place import Place, consuming

TIMEOUT_S = 60.0
TAKEN_S = 0.3
"""Long enough for the broker to have taken a request; whether it had must make no difference."""


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A broker of the test's own, to be killed."""
    with session() as ledger:
        made = Broker(ledger)
        ledger.at_end(made.discard)
        made.start()
        yield made


@pytest.fixture
def own_workspace(broker: Broker, provided_servers: Servers) -> Iterator[Workspace]:
    """The topology on that broker, and a database on the server that there is."""
    urls = broker.amqp_url, broker.api_url, provided_servers.database_url
    with workspace(Servers(*urls, BINARIES, provided_servers.ledger)) as made:
        yield made


@pytest.fixture
async def desk(own_workspace: Workspace) -> AsyncIterator[Desk]:
    """The handlers of the services, and an account to size on."""
    engine = create_async_engine(asyncpg_url(own_workspace.database_url), poolclass=NullPool)
    made = Desk(engine)
    await made.report()
    await made.publish()
    yield made
    await engine.dispose()


async def test_calls_outlive_the_death_of_the_broker(broker: Broker, own_workspace: Workspace, desk: Desk) -> None:
    request = builders.request(user_id=USER)
    newest = builders.snapshot(user_id=USER, login=LOGIN, balance="11000.00")
    urls = own_workspace.virtual_host.role_urls
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(SizingClient(urls["signal-engine"]))
        bridge = await stack.enter_async_context(SnapshotPublisher(urls["ea-bridge"]))
        asking = asyncio.create_task(engine.size(request, timeout_s=TIMEOUT_S))
        await asyncio.wait([asking], timeout=TAKEN_S)
        await asyncio.to_thread(broker.kill)
        publishing = asyncio.create_task(bridge.publish(newest, timeout_s=TIMEOUT_S))
        await asyncio.to_thread(broker.start)

        place = Place(own_workspace.virtual_host, stack)
        consumers = (
            consuming(place, desk.worker, queue=SIZING, role="sizing-worker"),
            consuming(place, SyncHandler(desk.engine, freshness_s=300)),
        )
        for consumer in consumers:
            await stack.enter_async_context(consumer)
        decision = await asking
        await publishing
        await eventually(
            lambda: desk.rows("SELECT 1 FROM user_mt5_accounts WHERE balance = 11000"), timeout_s=TIMEOUT_S
        )
    assert (decision.request_id, decision.status) == (request.request_id, "approved")
    assert [row.request_id for row in await desk.rows("SELECT request_id FROM decisions")] == [request.request_id]
    assert len(await desk.rows("SELECT 1 FROM trade_setup_risk_logs")) == 1
