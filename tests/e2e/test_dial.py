"""The guarantee of the dial: once the owner has the reply, no request sent after it is decided under the old value."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from dev.servers.management import Management
from dev.stack.processes import ServiceProcess
from dev.stack.workspace import VirtualHost, Workspace, run_command
from dev.waiting import eventually
from shared.client.config import ConfigClient
from shared.client.sizing import SizingClient
from shared.database.engine import asyncpg_url
from shared.messaging.topology import CONFIG_CHANGED
from shared.schemas.config import ConfigResult
from shared.schemas.sizing import SizingDecision, SizingRequest
from shared.tokens import TokenSettings, issue_token
from tests import builders
from tests.e2e.conftest import JWT_SECRET, launcher
from tests.e2e.proxy import HoldingProxy
from tests.integration.sizing_worker.desk import Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHANGES = 40
REQUESTS_AFTER_EACH = 25
IN_FLIGHT = 20
REPLY_TIMEOUT_S = 40.0
NEVER_S = "600"
"""As often as a worker compares its configuration here: no help within a test."""

AUDIT = text("SELECT config_version, global_risk_percent FROM trade_setup_risk_logs WHERE request_id = :request_id")
HISTORY = text("SELECT * FROM risk_configuration_history WHERE config_version >= :first")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the services of this file run."""

    virtual_host: VirtualHost
    database_url: str
    database: AsyncEngine


def owner_client(place: Place, user: str) -> ConfigClient:
    """An owner at the dial, by message."""
    token = issue_token(TokenSettings(jwt_secret=SecretStr(JWT_SECRET)), user=user, role="owner", lifetime_s=600)
    return ConfigClient(place.virtual_host.role_urls["owner"], token=token)


class Trading:
    """Three workers at their work, the owner at the dial, the signal engine that asks."""

    def __init__(
        self,
        workers: list[ServiceProcess],
        proxies: list[HoldingProxy],
        owner: ConfigClient,
        engine: SizingClient,
    ) -> None:
        self.workers = workers
        self.broadcasts = proxies
        """What stands between each worker and its broadcasts."""
        self.owner = owner
        self._engine = engine

    async def ask(self, request: SizingRequest | None = None) -> SizingDecision:
        """A setup is asked for, on an account with margin for all that are."""
        return await self._engine.size(request or builders.request(user_id="u-1"), timeout_s=REPLY_TIMEOUT_S)

    async def turn(self, percent: Decimal) -> ConfigResult:
        """The owner turns the dial, and has the reply."""
        changed = await self.owner.set_risk_percent(percent, timeout_s=REPLY_TIMEOUT_S)
        assert changed.status == "applied"
        return changed


@asynccontextmanager
async def asking_all_the_time(trading: Trading) -> AsyncIterator[None]:
    """Requests in flight as long as the block lasts."""
    stop = asyncio.Event()

    async def ask() -> None:
        while not stop.is_set():
            await trading.ask()

    asking = [asyncio.create_task(ask()) for _ in range(IN_FLIGHT)]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*asking)


async def metrics(worker: ServiceProcess) -> dict[str, float]:
    """What a worker counts."""
    async with httpx.AsyncClient(trust_env=False) as client:
        scraped = (await client.get(f"{worker.admin_url}/metrics")).text
    return {name: float(value) for name, value in re.findall(r"^(lotwise_[^ ]+) (\S+)$", scraped, re.MULTILINE)}


async def answered(worker: ServiceProcess) -> float:
    """How many messages a worker has settled."""
    return sum(value for name, value in (await metrics(worker)).items() if name.startswith("lotwise_messages_total"))


async def version_of(worker: ServiceProcess) -> float:
    """The configuration version that a worker has in memory."""
    return (await metrics(worker))["lotwise_config_version"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(session_workspace: Workspace) -> AsyncIterator[Place]:
    """A vhost and a database for all the tests of this file: starting four processes takes longest."""
    with session_workspace.new_virtual_host() as virtual_host, session_workspace.new_database() as database_url:
        engine = create_async_engine(asyncpg_url(database_url), poolclass=NullPool)
        yield Place(virtual_host, database_url, engine)
        await engine.dispose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trading(
    place: Place, session_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Trading]:
    """One config service and three workers, which compare their configuration at their start and then no more."""
    await Desk(place.database).account(balance="1000000.00", margin_free="1000000000000.00")
    broker = place.virtual_host.role_urls["sizing-worker"]
    alone = {"LOTWISE_RECONCILE_SECONDS": NEVER_S, "LOTWISE_AMQP_HEARTBEAT_SECONDS": "60"}
    async with AsyncExitStack() as stack:
        launch = stack.enter_context(
            launcher(session_workspace, place.virtual_host, place.database_url, tmp_path_factory.mktemp("logs"))
        )
        proxies = [await stack.enter_async_context(HoldingProxy(broker, name=" broadcast")) for _ in range(3)]
        started = [launch("config_service")]
        started += [launch("sizing_worker", LOTWISE_AMQP_URL=proxy.url, **alone) for proxy in proxies]
        for process in started:
            await asyncio.to_thread(process.wait_ready)
        owner = await stack.enter_async_context(owner_client(place, "owner-1"))
        engine = await stack.enter_async_context(SizingClient(place.virtual_host.role_urls["signal-engine"]))
        yield Trading(started[1:], proxies, owner, engine)
        for process in started:
            await asyncio.to_thread(process.terminate)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def broadcasts_flow_again(trading: Trading) -> AsyncIterator[None]:
    """What a test has held back is let go."""
    yield
    for broadcast in trading.broadcasts:
        broadcast.release()


async def test_a_thousand_requests_sent_after_acknowledged_changes_carry_the_new_version_though_a_worker_is_cut_off(
    trading: Trading, place: Place
) -> None:
    trading.broadcasts[1].hold()
    decided: list[tuple[ConfigResult, SizingDecision]] = []

    async with asking_all_the_time(trading):
        for n in range(CHANGES):
            changed = await trading.turn(Decimal(n % 5 + 1) / 10)
            decisions = await asyncio.gather(*(trading.ask() for _ in range(REQUESTS_AFTER_EACH)))
            decided += [(changed, decision) for decision in decisions]

    assert len(decided) == 1000
    stale = [
        (changed.config_version, decision.config_version)
        for changed, decision in decided
        if decision.config_version != changed.config_version
        or decision.summary.global_risk_percent != changed.new_risk_percent
    ]
    assert stale == []
    assert {decision.status for _, decision in decided} == {"approved"}
    assert min([await answered(worker) for worker in trading.workers]) > CHANGES  # the one cut off had its share
    async with place.database.connect() as connection:
        for changed, decision in decided[::REQUESTS_AFTER_EACH]:
            row = (await connection.execute(AUDIT, {"request_id": decision.request_id})).one()
            assert (row.config_version, row.global_risk_percent) == (changed.config_version, changed.new_risk_percent)


async def test_a_worker_that_hears_no_broadcast_learns_of_a_change_from_its_next_decision(trading: Trading) -> None:
    for broadcast in trading.broadcasts:
        broadcast.hold()
    before = [await version_of(worker) for worker in trading.workers]
    changed = await trading.turn(Decimal("1.5"))
    unaware = [await version_of(worker) for worker in trading.workers]

    async def all_aware() -> bool:
        await asyncio.gather(*(trading.ask() for _ in range(9)))
        return [await version_of(worker) for worker in trading.workers] == [changed.config_version] * 3

    assert unaware == before
    await eventually(all_aware)


async def test_a_broadcast_that_comes_late_takes_no_worker_back(trading: Trading) -> None:
    trading.broadcasts[0].hold()
    turns = [await trading.turn(Decimal(percent)) for percent in range(1, 6)]
    newest = turns[-1].config_version

    async def aware() -> bool:
        await asyncio.gather(*(trading.ask() for _ in range(9)))
        return await version_of(trading.workers[0]) == newest

    await eventually(aware)
    trading.broadcasts[0].release()
    after = [decision for _ in range(20) for decision in await asyncio.gather(*(trading.ask() for _ in range(9)))]

    assert {decision.config_version for decision in after} == {newest}
    assert await version_of(trading.workers[0]) == newest


async def test_no_decision_is_stale_though_the_broadcast_exchange_lost_its_bindings(
    trading: Trading, place: Place, session_workspace: Workspace
) -> None:
    with Management(session_workspace.rabbitmq_api_url) as management:
        management.delete_exchange(place.virtual_host.name, CONFIG_CHANGED)
        run_command("topology", {"LOTWISE_AMQP_URL": place.virtual_host.amqp_url})

    for percent in range(1, 11):
        changed = await trading.turn(Decimal(percent))
        decisions = await asyncio.gather(*(trading.ask() for _ in range(9)))
        assert {decision.config_version for decision in decisions} == {changed.config_version}


async def test_a_repeated_request_keeps_its_old_reply(trading: Trading) -> None:
    request = builders.request(user_id="u-1")
    first = await trading.ask(request)
    await trading.turn(Decimal(1))

    again = [await trading.ask(request) for _ in range(6)]

    assert again == [first] * 6


async def test_commands_of_two_owners_at_once_are_all_answered_and_nothing_is_lost(
    trading: Trading, place: Place
) -> None:
    percents = [Decimal(n) for n in range(1, 21)]
    async with owner_client(place, "owner-2") as other:
        owners = [trading.owner, other]
        results = await asyncio.gather(
            *(owners[n % 2].set_risk_percent(percent, timeout_s=REPLY_TIMEOUT_S) for n, percent in enumerate(percents))
        )

    assert {result.status for result in results} == {"applied"}
    versions = sorted(result.config_version or 0 for result in results)
    assert versions == list(range(versions[0], versions[0] + 20))
    async with place.database.connect() as connection:
        history = (await connection.execute(HISTORY, {"first": versions[0]})).all()
    assert {row.config_version: (row.fixed_risk_percent, row.updated_by) for row in history} == {
        result.config_version: (result.new_risk_percent, result.updated_by) for result in results
    }
