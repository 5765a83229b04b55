"""The dial is turned a thousand times while things break; a broadcast is lost; a relay is frozen."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import pairwise
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from dev.stack.processes import ServiceProcess
from dev.waiting import eventually
from shared.client.config import ConfigClient
from shared.database.engine import asyncpg_url
from shared.errors import DependencyError
from shared.messaging.topology import CONFIG_CHANGED
from shared.schemas.config import SetRiskPercent
from shared.tokens import TokenSettings, issue_token
from tests.faults.book import Page
from tests.faults.counts import Counts
from tests.faults.operator import api, control, declare
from tests.faults.system import SETTINGS, System, told

FIRST_VERSION = 1
VERSIONS = 1000
LATEST_WITHIN_S = 30.0
"""Every worker runs the newest version, at the latest, after the last command: the interval of reconciling."""
RECONCILE_S = "5"
ATTEMPT_S = 5.0
HISTORY = text("SELECT command_id, config_version FROM risk_configuration_history ORDER BY config_version")
OUTBOX = text("SELECT count(*) FROM risk_configuration_outbox")


class Dial:
    """The owner's hand on the dial: each command until it has a result, and the books of it."""

    def __init__(self, system: System, client: ConfigClient) -> None:
        self._system = system
        self._client = client
        self.results: dict[str, int | None] = {}
        """The version that each command made, by its id."""
        self.first_failures: set[str] = set()

    async def turn(self) -> int:
        """Turn it a little; the version that it made."""
        percent = Decimal(10 + len(self.results) % 400) / 10
        command = SetRiskPercent(command_id=str(uuid4()), command="set_risk_percent", new_risk_percent=percent)
        self.results[command.command_id] = None
        while True:
            try:
                result = await self._client.send(command, timeout_s=ATTEMPT_S)
            except DependencyError:
                self.first_failures.add(command.command_id)
                continue
            if result.status == "applied" and result.config_version is not None:
                self.results[command.command_id] = result.config_version
                return result.config_version
            self.first_failures.add(command.command_id)

    async def counts(self) -> Counts:
        """An effect is a version in the history."""
        engine = create_async_engine(asyncpg_url(self._system.workspace.database_url), poolclass=NullPool)
        async with engine.connect() as connection:
            rows = (await connection.execute(HISTORY)).all()
        await engine.dispose()
        made = {str(row.command_id): row.config_version for row in rows if row.command_id}
        obeyed = [str(row.command_id) for row in rows if row.command_id]
        return Counts(
            attempted=len(self.results),
            acknowledged=len(self.results),
            ok=sum(made.get(one) == version for one, version in self.results.items()),
            lost=len(self.results.keys() - made.keys()),
            duplicated=len(obeyed) - len(set(obeyed)),
            unexpected=len(made.keys() - self.results.keys()),
            recovered=len(self.first_failures & made.keys()),
        )


@asynccontextmanager
async def dial(system: System) -> AsyncIterator[Dial]:
    """The owner, connected."""
    secret = SecretStr(SETTINGS["LOTWISE_JWT_SECRET"])
    token = issue_token(TokenSettings(jwt_secret=secret), user="owner-1", role="owner", lifetime_s=3600)
    async with ConfigClient(system.workspace.virtual_host.role_urls["owner"], token=token) as client:
        yield Dial(system, client)


async def runs(process: ServiceProcess) -> int:
    """The version that a process says it runs."""
    async with httpx.AsyncClient(trust_env=False) as client:
        metrics = (await client.get(f"{process.admin_url}/metrics")).text
    line = next(line for line in metrics.splitlines() if line.startswith("lotwise_config_version "))
    return int(float(line.split()[1]))


async def until_all_run(processes: list[ServiceProcess], version: int, *, timeout_s: float) -> float:
    """Seconds until every one of them runs this version."""
    started = time.monotonic()

    async def look() -> bool:
        return all([await runs(process) == version for process in processes])

    await eventually(look, timeout_s=timeout_s)
    return time.monotonic() - started


@pytest.mark.fault(38, "1000 versions, workers restarted, connections cut")
async def test_after_a_storm_of_versions_every_worker_runs_the_newest_and_none_went_back(
    guest: System, page: Page
) -> None:
    await asyncio.to_thread(guest.launch_all)
    workers = guest.of("sizing_worker")
    async with dial(guest) as owner:
        for number in range(1, VERSIONS + 1):
            await owner.turn()
            if number % 250 == 0:
                await asyncio.to_thread(workers[number // 250 % 2].kill)
                await asyncio.to_thread(workers[number // 250 % 2].start)
            if number % 400 == 0:
                await control(guest, "close_all_connections", "--global", "fault")
        await guest.all_ready()
        latest_s = await until_all_run(workers, FIRST_VERSION + VERSIONS, timeout_s=LATEST_WITHIN_S)
        counts = await owner.counts()

    page.write(counts, recovery_s=latest_s, note="until every worker runs the newest version")
    assert counts.is_clean
    for worker in workers:
        assert _never_goes_back(worker)


def _never_goes_back(worker: ServiceProcess) -> bool:
    """Whether the versions that it ran only rise; a process that was started again reads the newest, or the same."""
    versions = [change["config_version"] for change in told(worker, "configuration.changed")]
    return all(earlier <= later for earlier, later in pairwise(versions))


@pytest.mark.fault(39, "broadcast of a new version lost")
async def test_a_worker_that_missed_a_broadcast_reads_it_from_the_database(guest: System, page: Page) -> None:
    await asyncio.to_thread(guest.launch_all, {"config_service": 1})
    workers = [guest.launch("sizing_worker", LOTWISE_RECONCILE_SECONDS=RECONCILE_S) for _ in range(2)]
    for worker in workers:
        await asyncio.to_thread(worker.wait_ready)
    async with dial(guest) as owner:
        await _unbind_all(guest)
        latest = await owner.turn()
        latest_s = await until_all_run(workers, latest, timeout_s=LATEST_WITHIN_S)
        counts = await owner.counts()
    page.write(counts, recovery_s=latest_s, note=f"workers compare every {RECONCILE_S} s here, every 30 s by default")
    assert counts.is_clean


async def _unbind_all(system: System) -> None:
    """Let nobody hear a broadcast any more: the exchange goes, and with it its bindings, and comes back empty."""
    await api(system, "DELETE", f"exchanges/{{}}/{CONFIG_CHANGED}")
    await declare(system)


@pytest.mark.fault(41, "one of two relays frozen for 20 s")
async def test_what_a_frozen_relay_leaves_behind_the_other_broadcasts(guest: System, page: Page) -> None:
    await asyncio.to_thread(guest.launch_all, {"config_service": 2, "sizing_worker": 2})
    frozen = guest.of("config_service")[0]
    async with dial(guest) as owner:
        storm = asyncio.create_task(_turn(owner, 50))
        await eventually(lambda: _has(owner, 10), timeout_s=30)
        frozen.send(signal.SIGSTOP)
        try:
            await asyncio.sleep(20)  # the length of the fault
            latest = await asyncio.wait_for(storm, 60)
            latest_s = await until_all_run(guest.of("sizing_worker"), latest, timeout_s=LATEST_WITHIN_S)
        finally:
            frozen.send(signal.SIGCONT)
        await guest.all_ready()
        await eventually(lambda: _is_outbox_empty(guest), timeout_s=LATEST_WITHIN_S)
        counts = await owner.counts()
    page.write(counts, recovery_s=latest_s, note="until every worker runs the newest version")
    assert counts.is_clean


async def _turn(owner: Dial, times: int) -> int:
    return [await owner.turn() for _ in range(times)][-1]


async def _has(owner: Dial, results: int) -> bool:
    return len(owner.results) >= results


async def _is_outbox_empty(system: System) -> bool:
    engine = create_async_engine(asyncpg_url(system.workspace.database_url), poolclass=NullPool)
    async with engine.connect() as connection:
        pending = (await connection.execute(OUTBOX)).scalar()
    await engine.dispose()
    return pending == 0
