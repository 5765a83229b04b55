"""A service is killed at every step of its handler; what it held comes again and has one effect.

The steps are a list. A handler that takes another step than those fails the first test, until the list names it, and
with it the second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from dev.stack.processes import Service, ServiceProcess
from dev.waiting import eventually
from shared.client.config import ConfigClient
from shared.database.engine import asyncpg_url
from shared.errors import DependencyError
from shared.schemas.config import ConfigResult, SetRiskPercent
from shared.tokens import TokenSettings, issue_token
from tests.faults.book import Page
from tests.faults.counts import Counts
from tests.faults.stepping import CRASHED
from tests.faults.system import SETTINGS, System
from tests.faults.traffic import Traffic, setup

STEPS: dict[Service, tuple[str, ...]] = {
    "sizing_worker": (
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
    "sync_consumer": (
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
    "config_service": (
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
}
BACK_WITHIN_S = 15.0
"""From the crash to the effect, one start of the service included."""
COMMANDS = text(
    "SELECT command_id, count(*) AS versions FROM risk_configuration_history WHERE command_id IS NOT NULL GROUP BY 1"
)
ATTEMPT_S = 2.0


class Owner:
    """At the dial, and patient: the same command again until there is a result."""

    def __init__(self, client: ConfigClient) -> None:
        self._client = client
        self.results: dict[str, list[ConfigResult]] = {}

    async def turn(self, percent: Decimal) -> None:
        command = SetRiskPercent(command_id=str(uuid4()), command="set_risk_percent", new_risk_percent=percent)
        results = self.results[command.command_id] = []
        while len(results) < 2:
            try:
                results.append(await self._client.send(command, timeout_s=ATTEMPT_S))
            except DependencyError:
                continue


class Work:
    """One message for the service that a test is about, and what must have become of it."""

    def __init__(self, system: System, traffic: Traffic, owner: Owner) -> None:
        self._system = system
        self.traffic = traffic
        self.owner = owner

    async def give(self, service: Service) -> None:
        """Send a message for `service`; returns once it has had its effect."""
        match service:
            case "sizing_worker":
                await self.traffic.ask(setup(1))
            case "sync_consumer":
                await self.traffic.report(1)
                await self._system.counts(self.traffic)
            case "config_service":
                await self.owner.turn(Decimal(2 + len(self.owner.results)) / 2)


@asynccontextmanager
async def at_work(system: System) -> AsyncIterator[Work]:
    """An account, a bridge, an engine and an owner; no service runs yet."""
    urls = system.workspace.virtual_host.role_urls
    secret = SecretStr(SETTINGS["LOTWISE_JWT_SECRET"])
    token = issue_token(TokenSettings(jwt_secret=secret), user="owner-1", role="owner", lifetime_s=3600)
    traffic, client = system.traffic(), ConfigClient(urls["owner"], token=token)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(traffic.connected())
        await stack.enter_async_context(client)
        work = Work(system, traffic, Owner(client))
        await _with(system.launch("sync_consumer"), lambda: work.give("sync_consumer"))
        yield work


async def _with(process: ServiceProcess, act: Callable[[], Awaitable[None]]) -> None:
    try:
        await act()
    finally:
        await asyncio.to_thread(process.kill)


@pytest.mark.short
@pytest.mark.parametrize("service", STEPS)
async def test_the_list_names_every_step_of_the_handler(guest: System, service: Service, tmp_path: Path) -> None:
    steps = tmp_path / "steps"
    async with at_work(guest) as work:
        traced = guest.launch(service, under=["tests.faults.stepping", "trace", str(steps)])

        async def done() -> bool:
            return steps.exists() and "done" in steps.read_text(encoding="utf-8").split()

        async def give() -> None:
            await asyncio.to_thread(traced.wait_ready)  # else an impatient sender's second message is in the batch too
            await work.give(service)
            await eventually(done)

        await _with(traced, give)

    written = steps.read_text(encoding="utf-8").splitlines()
    assert tuple(written[: written.index("done") + 1]) == STEPS[service]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("service", STEPS)
@pytest.mark.fault(1, "kill -9 at each step of the handler")
async def test_a_crash_at_any_step_loses_nothing_and_doubles_nothing(
    guest: System, page: Page, service: Service
) -> None:
    slowest_s = 0.0
    async with at_work(guest) as work:
        for step in STEPS[service]:
            crashing = guest.launch(service, under=["tests.faults.stepping", "crash", step])
            giving = asyncio.create_task(work.give(service))
            await _until_ended(crashing)
            assert crashing.exit_code == CRASHED, step
            crashed_at = time.monotonic()
            await _with(guest.launch(service), lambda giving=giving: asyncio.wait_for(giving, BACK_WITHIN_S))  # type: ignore[misc]
            slowest_s = max(slowest_s, time.monotonic() - crashed_at)
        counts = await _counts(guest, work, service)

    page.write(counts, recovery_s=slowest_s, variant=service, note=f"{len(STEPS[service])} steps; the slowest return")
    assert counts.is_clean


async def _until_ended(process: ServiceProcess) -> None:
    async def look() -> bool:
        return not process.is_running()

    await eventually(look, timeout_s=30)


async def _counts(system: System, work: Work, service: Service) -> Counts:
    if service != "config_service":
        return await system.counts(work.traffic)
    engine = create_async_engine(asyncpg_url(system.workspace.database_url), poolclass=NullPool)
    async with engine.connect() as connection:
        obeyed = {str(row.command_id): row.versions for row in await connection.execute(COMMANDS)}
    await engine.dispose()
    results = work.owner.results
    return Counts(
        attempted=len(results),
        acknowledged=len(results),
        ok=len(results.keys() & obeyed.keys()),
        lost=len(results.keys() - obeyed.keys()),
        duplicated=sum(n > 1 for n in obeyed.values()) + sum(one != other for one, other in results.values()),
        unexpected=len(obeyed.keys() - results.keys()),
        recovered=len(results),
    )
