"""The network between the services and the database is slow, swallows, cuts, half-cuts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from dev.stack.processes import ServiceProcess
from shared.database.engine import asyncpg_url
from shared.errors import DependencyError
from tests import builders
from tests.desk import decision_of, worker
from tests.faults.behind import (
    BACK_AFTER_MANY_CUTS_S,
    BACK_WITHIN_S,
    MARGIN_S,
    answered_while_slow,
    entries,
    launch_behind,
    until,
)
from tests.faults.book import Page
from tests.faults.counts import Asked
from tests.faults.network import BlackHole, CommitThief, SlowNetwork, Stairway
from tests.faults.operator import until_nobody_is_ready
from tests.faults.system import System, parked_nothing, told
from tests.faults.traffic import Traffic, setup
from tests.faults.trial import trial

STATEMENT_TIMEOUT_S = 3
IDLE_S = 3 * STATEMENT_TIMEOUT_S
"""After so long the database ends a transaction whose client says nothing any more, and frees its locks."""
LOCK_TIMEOUT_S = 5
"""The longest wait for a lock, by default; who waited in vain tries again."""


SLOW_FOR_S = 10.0
DELAY_S = 0.05
"""Each way; a transaction goes there and back five times."""


@pytest.mark.fault(17, "50 ms of latency before the database for 10 s, some of it in small pieces")
async def test_a_slow_way_to_the_database_slows_and_ends_nothing(guest: System, page: Page) -> None:
    async with SlowNetwork(guest.workspace.database_url, delay_s=DELAY_S) as network:
        await launch_behind(guest, database=network)
        async with trial(guest, page, within_s=BACK_WITHIN_S) as traffic:
            began = datetime.now(UTC)
            asked = await answered_while_slow(network, traffic, seconds=SLOW_FOR_S)
        assert entries(guest, "batch.failed", since=began) == []
        assert entries(guest, "session.ended", since=began) == []
        assert all(one.answered_at_once for one in asked)
        assert len(asked) > SLOW_FOR_S
        assert parked_nothing(guest)


LOST_COMMITS = 4


@pytest.mark.fault(19, "connections to the database half open: services cut off at a commit, the database not told")
async def test_locks_of_a_half_open_connection_are_freed_and_what_it_held_is_decided(guest: System, page: Page) -> None:
    async with CommitThief(guest.workspace.database_url) as network:
        await launch_behind(
            guest, database=network, LOTWISE_DATABASE_STATEMENT_TIMEOUT_SECONDS=str(STATEMENT_TIMEOUT_S)
        )
        async with trial(guest, page, within_s=IDLE_S + LOCK_TIMEOUT_S + MARGIN_S) as traffic:
            began = datetime.now(UTC)
            network.steal(LOST_COMMITS)
            await until(lambda: network.stolen == LOST_COMMITS, timeout_s=BACK_WITHIN_S)
            guest.heal()
            held = [one for one in traffic.requests if not one.replies]
            await until(lambda: all(one.replies for one in held), timeout_s=IDLE_S + LOCK_TIMEOUT_S + MARGIN_S)
            answered_s = (datetime.now(UTC) - began).total_seconds()
        page.note(f"{LOST_COMMITS} commits, all that was asked meanwhile answered after {answered_s:.1f} s")
        assert parked_nothing(guest)


STRIDE_OF_SERVICES, RESETS_OF_SERVICES = 701, 20
"""A service waits between two attempts: there is no time for smaller steps."""
STRIDE_OF_WORKER = 97
CLIMBED_WITHIN_S = 60.0


@pytest.mark.fault(20, "connections to the database reset, each a little later than the last, in both directions")
async def test_a_connection_to_the_database_may_be_reset_at_any_point(guest: System, page: Page) -> None:
    place = guest.workspace.database_url
    async with Stairway(place) as of_services, Stairway(place) as of_worker:
        await launch_behind(guest, database=of_services)
        async with trial(guest, page, within_s=BACK_AFTER_MANY_CUTS_S) as traffic:
            of_services.climb(STRIDE_OF_SERVICES)
            of_worker.climb(STRIDE_OF_WORKER)
            await of_services.cut()
            await _climb(guest, of_worker, traffic)
            await until(lambda: of_services.resets >= RESETS_OF_SERVICES, timeout_s=CLIMBED_WITHIN_S)
            of_services.stop()
        page.note(f"{of_worker.resets} connections of one worker, {of_services.resets} of the services")
        assert all(process.is_running() for process in guest.services)
        assert parked_nothing(guest)


async def _climb(system: System, stairs: Stairway, traffic: Traffic) -> None:
    """Decide requests, each again and again until it is answered; every attempt is a connection, and a step."""
    url = stairs.stand_for(system.workspace.service_url("sizing_worker"))
    engine = create_async_engine(asyncpg_url(url), isolation_level="READ COMMITTED", poolclass=NullPool)
    decides = worker(engine)
    while not stairs.is_climbed:
        asked = Asked(setup(1), answered_at_once=False)
        traffic.requests.append(asked)
        while not asked.replies:
            # Anything else than a DependencyError ends the test.
            try:
                (outcome,) = await decides([builders.delivery(asked.request)])
            except DependencyError:
                continue
            asked.replies.append(decision_of(outcome))
    await engine.dispose()


DATABASE_HOLE_S = 20.0
BOUND_S = STATEMENT_TIMEOUT_S + 1 + 2
"""Of one statement in a black hole: the client waits a second longer than the server, and asyncpg two to cancel it."""


@pytest.mark.fault(26, "black hole before the database for 20 s")
async def test_a_database_in_a_black_hole_is_given_up_in_time_and_waited_for(guest: System, page: Page) -> None:
    async with BlackHole(guest.workspace.database_url) as network:
        await launch_behind(
            guest, database=network, LOTWISE_DATABASE_STATEMENT_TIMEOUT_SECONDS=str(STATEMENT_TIMEOUT_S)
        )
        async with trial(guest, page, within_s=BACK_WITHIN_S):
            began = datetime.now(UTC)
            with network.swallowing():
                await until_nobody_is_ready(guest)
                await asyncio.sleep(DATABASE_HOLE_S - (datetime.now(UTC) - began).total_seconds())  # the rest of it
        failed = [_at(process, "batch.failed", since=began) for process in guest.of("sizing_worker")]
        given_up_s = max((at - began).total_seconds() for at in failed)
        page.note(f"the first batches given up after {given_up_s:.1f} s")
        assert given_up_s < BOUND_S + MARGIN_S
        assert all(told(process, "breaker.opened") for process in guest.of("sizing_worker"))
        assert all(told(process, "breaker.closed") for process in guest.of("sizing_worker"))
        assert parked_nothing(guest)


def _at(process: ServiceProcess, event: str, *, since: datetime) -> datetime:
    """When a process told it first."""
    times = [datetime.fromisoformat(entry["timestamp"]) for entry in told(process, event)]
    return min(at for at in times if at >= since)
