"""What people are told, of a real database and broker, at a real webhook; by one replica at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from dev.stack.workspace import VirtualHost
from dev.waiting import eventually
from services.config_service import schedule_store, store
from services.config_service.latency import SlowMessages
from services.config_service.schedule import end_due
from shared.messaging.parked_counts import ParkedCounts
from shared.messaging.topology import DEAD, SIZING
from tests.integration.config_service.dials import GRACE_S, Dial, command, plan
from tests.integration.config_service.lookouts import looking
from tests.integration.config_service.rows import make_accounts, make_decisions
from tests.integration.messaging.place import Place, background, settings
from tests.integration.notifying.webhook import Webhook, webhook

DUTIES = """
    SELECT count(*) FILTER (WHERE granted) AS held FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND objsubid = 2 AND datname = current_database()
"""
TOLD = "SELECT config_version FROM notices_told"
LOCK_ENDS = "LOCK TABLE risk_configuration_schedule_ends IN ACCESS EXCLUSIVE MODE"
WAITING_FOR_ENDS = """
    SELECT count(*) AS waiting FROM pg_locks
    WHERE NOT granted AND relation = 'risk_configuration_schedule_ends'::regclass
"""
WAITING_FOR_FIGURES = """
    SELECT count(*) AS waiting FROM pg_locks WHERE NOT granted AND relation = 'trade_setup_risk_logs'::regclass
"""
IMPATIENT = {"server_settings": {"statement_timeout": "200"}}
THROW_OUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
SPREAD = text("UPDATE trade_setup_risk_logs SET created_at = now() - interval '20 min' - (id % 100) * interval '100 s'")
OFTEN_S = 0.05


@pytest.fixture
async def hook() -> AsyncIterator[Webhook]:
    async with webhook() as made:
        yield made


async def on_duty(dial: Dial) -> None:
    """Return once somebody is."""

    async def look() -> bool:
        return bool((await dial.rows(DUTIES))[0].held)

    await eventually(look)


async def turn(dial: Dial, percent: str) -> None:
    await dial.apply(command(new_risk_percent=percent))


async def test_every_change_is_told_once_though_two_replicas_look(
    own_database: AsyncEngine, dial: Dial, hook: Webhook
) -> None:
    await turn(dial, "2.9")  # before anybody looked: old
    async with looking(own_database, hook), looking(own_database, hook):
        await on_duty(dial)
        await turn(dial, "2.5")
        await hook.until(1)
        await turn(dial, "2")
        await hook.until(2)
        await dial.apply(command(command="set_margin_buffer", margin_buffer_percent="25"))

        told = await hook.until(3)

    assert told == [
        "Lotwise: Risk percent 2.9 % → 2.5 %",
        "Lotwise: Risk percent 2.5 % → 2 %",
        "Lotwise: Configuration changed: margin buffer 20 % → 25 %",
    ]


async def test_whoever_takes_over_begins_where_the_one_before_it_was_killed(
    own_database: AsyncEngine, dial: Dial, hook: Webhook
) -> None:
    async with looking(own_database, hook) as first:
        await on_duty(dial)
        await turn(dial, "2.5")
        await told_up_to(dial, 2)
        await first.kill()
        await turn(dial, "2")  # nobody is on duty
        async with looking(own_database, hook):
            await told_up_to(dial, 3)

    assert hook.titles == ["Lotwise: Risk percent 3 % → 2.5 %", "Lotwise: Risk percent 2.5 % → 2 %"]


async def test_what_was_being_told_when_the_one_on_duty_was_killed_is_told_by_the_next(
    own_database: AsyncEngine, dial: Dial, hook: Webhook
) -> None:
    hook.gate.clear()
    async with looking(own_database, hook) as first:
        await on_duty(dial)
        await turn(dial, "2.5")
        await eventually(lambda: is_asked(hook))
        await first.kill()
        hook.gate.set()
        async with looking(own_database, hook):
            await told_up_to(dial, 2)

    assert hook.titles == ["Lotwise: Risk percent 3 % → 2.5 %"] * 2


async def test_what_is_being_told_when_the_one_on_duty_is_asked_to_stop_is_told_once(
    own_database: AsyncEngine, dial: Dial, hook: Webhook
) -> None:
    hook.patience_s = 30
    hook.gate.clear()
    async with looking(own_database, hook) as first:
        await on_duty(dial)
        await turn(dial, "2.5")
        await eventually(lambda: is_asked(hook))
        first.ask_to_stop()
        hook.gate.set()
        await first.ended()
        await turn(dial, "2")
        async with looking(own_database, hook):
            await told_up_to(dial, 3)

    assert hook.titles == ["Lotwise: Risk percent 3 % → 2.5 %", "Lotwise: Risk percent 2.5 % → 2 %"]


async def test_one_that_stands_by_ends_when_it_is_asked_to(
    own_database: AsyncEngine, dial: Dial, hook: Webhook
) -> None:
    async with looking(own_database, hook):
        await on_duty(dial)
        async with looking(own_database, hook) as other:
            other.ask_to_stop()
            await asyncio.wait_for(other.ended(), timeout=5)


async def is_asked(hook: Webhook) -> bool:
    return hook.asked > 0


async def told_up_to(dial: Dial, version: int) -> None:
    """Return once it is written down that people were told of a version."""

    async def look() -> bool:
        return [row.config_version for row in await dial.rows(TOLD)] == [version]

    await eventually(look)


async def test_after_the_database_threw_it_out_it_tells_what_happened_meanwhile(
    own_database: AsyncEngine, emptied_database: AsyncEngine, dial: Dial, hook: Webhook
) -> None:
    async with looking(own_database, hook) as replica:
        await on_duty(dial)
        async with emptied_database.connect() as operator:
            await operator.execute(text(THROW_OUT))
        await turn(dial, "2.5")

        assert await hook.until(1) == ["Lotwise: Risk percent 3 % → 2.5 %"]
        assert replica.still_runs()


async def test_a_plan_that_came_due_is_told_once_and_one_that_was_missed_as_well(
    own_database: AsyncEngine, dial: Dial, hook: Webhook
) -> None:
    await dial.plan(plan())
    await dial.plan(plan(new_risk_percent="1", ahead_s=200))
    async with looking(own_database, hook):
        await on_duty(dial)
        await dial.let_pass(100)
        await dial.ended()
        await hook.until(1)
        await dial.let_pass(1000)
        await dial.ended()

        told = await hook.until(2)

    assert told == ["Lotwise: Risk percent is 2 % now, as planned", "Lotwise: Planned risk percent 1 % was missed"]


async def test_a_plan_that_is_applied_between_the_statements_of_a_look_is_told_once(
    own_database: AsyncEngine, emptied_database: AsyncEngine, dial: Dial, hook: Webhook
) -> None:
    await dial.plan(plan())
    await dial.let_pass(100)
    async with looking(own_database, hook):
        await on_duty(dial)
        async with emptied_database.begin() as operator:
            await operator.execute(text(LOCK_ENDS))
            await eventually(lambda: a_look_waits(dial))  # it has read the versions, and is about to read the ends
            await apply_what_is_due(operator)
        await hook.until(1)
        await turn(dial, "2.5")

        told = await hook.until(2)

    assert told == ["Lotwise: Risk percent is 2 % now, as planned", "Lotwise: Risk percent 2 % → 2.5 %"]


async def a_look_waits(dial: Dial) -> bool:
    return bool((await dial.rows(WAITING_FOR_ENDS))[0].waiting)


async def apply_what_is_due(connection: AsyncConnection) -> None:
    """What a replica's clock does, in the transaction of the caller."""
    head, upcoming = await store.read_head(connection), await schedule_store.read_next(connection)
    assert upcoming is not None
    ended = end_due(upcoming.schedule, current=head.config, now=head.now, grace_s=GRACE_S)
    assert ended.applied is not None
    await store.insert_version(connection, ended.applied.config)
    await schedule_store.insert_end(connection, ended.schedule)


async def test_only_the_kinds_that_are_wanted_are_told(own_database: AsyncEngine, dial: Dial, hook: Webhook) -> None:
    await dial.plan(plan())
    async with looking(own_database, hook, kinds=frozenset({"schedule"})):
        await on_duty(dial)
        await turn(dial, "2.5")
        await dial.let_pass(61)
        await dial.ended()

        assert await hook.until(1) == ["Lotwise: Risk percent is 2 % now, as planned"]


async def test_messages_that_are_parked_are_told_of(
    own_database: AsyncEngine, dial: Dial, hook: Webhook, virtual_host: VirtualHost
) -> None:
    async with AsyncExitStack() as stack:
        place = Place(virtual_host, stack)
        worker = await place.sender("sizing-worker")
        counts = ParkedCounts(settings(place.url("config-service")), instance="test", every_s=OFTEN_S)
        async with (
            background(counts.run()),
            looking(own_database, hook, check_s=OFTEN_S, parked=lambda: counts.counts),
        ):
            await on_duty(dial)

            async def told() -> bool:
                await worker.send(b"{}", exchange=DEAD, key=SIZING)
                return bool(hook.messages)

            await eventually(told, timeout_s=20)

    assert hook.titles[0].endswith("more parked in lotwise.sizing.dead")


async def test_figures_that_cannot_be_read_withhold_neither_parked_messages_nor_changes(
    own_database: AsyncEngine, emptied_database: AsyncEngine, dial: Dial, hook: Webhook
) -> None:
    parked = {SIZING: 0}
    impatient = create_async_engine(own_database.url, poolclass=NullPool, connect_args=IMPATIENT)
    async with (
        looking(impatient, hook, check_s=OFTEN_S, parked=lambda: parked) as replica,
        emptied_database.begin() as operator,
    ):
        await on_duty(dial)
        await operator.execute(text("LOCK TABLE trade_setup_risk_logs IN ACCESS EXCLUSIVE MODE"))
        await eventually(lambda: figures_wait(dial))  # the queues were looked at before
        parked[SIZING] = 2
        assert await hook.until(1) == ["Lotwise: 2 more parked in lotwise.sizing.dead"]
        await turn(dial, "2.5")

        assert (await hook.until(2))[1] == "Lotwise: Risk percent 3 % → 2.5 %"
        assert replica.still_runs()


async def figures_wait(dial: Dial) -> bool:
    return bool((await dial.rows(WAITING_FOR_FIGURES))[0].waiting)


async def test_a_low_approval_rate_and_accounts_out_of_sync_are_told_of_and_their_end(
    own_database: AsyncEngine, emptied_database: AsyncEngine, hook: Webhook
) -> None:
    await make_decisions(emptied_database, 10, user_id="u-1", reason="account_stale")
    await make_decisions(emptied_database, 10, user_id="u-1")
    for status, first, count in ("active", 1, 90), ("error", 91, 5), ("stale", 96, 5):  # neither alone is above 5 %
        await make_accounts(emptied_database, count, user_id="u-1", first=first, sync_status=status)
    async with looking(own_database, hook, check_s=OFTEN_S):
        begun = await hook.until(2)
        await make_decisions(emptied_database, 200, user_id="u-1")
        async with emptied_database.begin() as connection:
            await connection.execute(text("UPDATE user_mt5_accounts SET sync_status = 'active'"))
        ended = (await hook.until(4))[2:]

    assert begun == ["Lotwise: Approval rate is below 90 %", "Lotwise: More than 5 % of accounts are not kept in sync"]
    assert sorted(ended) == [
        "Lotwise: 96 % of accounts or more are kept in sync again",
        "Lotwise: Approval rate is 92 % or more again",
    ]


async def test_a_surge_of_requests_is_told_of(
    own_database: AsyncEngine, emptied_database: AsyncEngine, hook: Webhook
) -> None:
    await make_decisions(emptied_database, 100, user_id="u-1")
    async with emptied_database.begin() as connection:  # spread over the hours before: 9 in 15 minutes
        await connection.execute(SPREAD)
    await make_decisions(emptied_database, 30, user_id="u-1")

    async with looking(own_database, hook, check_s=OFTEN_S):
        assert await hook.until(1) == ["Lotwise: Sizing requests are above 200 % of what is usual"]


async def test_slow_sizing_is_told_of(own_database: AsyncEngine, hook: Webhook) -> None:
    async with looking(own_database, hook, check_s=OFTEN_S, slow=SlowMessages(messages=100, slow=50)):
        assert (await hook.until(1))[0].startswith("Lotwise: The p95 of sizing is above 100 ms")
    assert hook.messages[0]["message"] == "It is 50.0 %."
