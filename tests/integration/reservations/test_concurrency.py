"""Several workers, one account: margin is never spent twice, whichever worker takes which request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services.sizing_worker.handler import SizingHandler
from shared.database.engine import asyncpg_url
from shared.schemas.sizing import SizingDecision, SizingRequest
from tests import builders
from tests.desk import Desk, decision_of, request, worker

GATE = 4_201_776_999
"""Key of the advisory lock behind which a test holds a worker."""

HOLD = f"""
    CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock({GATE}); RETURN NULL; END $$
"""
HOLD_ONE = """
    CREATE TRIGGER hold AFTER INSERT ON margin_reservations
    FOR EACH ROW WHEN (NEW.request_id = '{request_id}') EXECUTE FUNCTION hold()
"""


@pytest.fixture
async def workers(database_url: str) -> AsyncIterator[list[SizingHandler]]:
    """Three workers, each with connections of its own."""
    async with AsyncExitStack() as stack:
        engines: list[AsyncEngine] = []
        for _ in range(3):
            engine = create_async_engine(asyncpg_url(database_url), isolation_level="READ COMMITTED")
            stack.push_async_callback(engine.dispose)
            engines.append(engine)
        yield [worker(engine) for engine in engines]


@asynccontextmanager
async def held_before_commit(engine: AsyncEngine, held: SizingRequest) -> AsyncIterator[None]:
    """Whoever decides `held` stops between inserting its reservation and committing, until the block ends."""
    async with engine.connect() as connection:
        await connection.execute(text(HOLD))
        await connection.execute(text(HOLD_ONE.format(request_id=held.request_id)))
        await connection.commit()
        await connection.execute(text(f"SELECT pg_advisory_lock({GATE})"))
        await connection.commit()
        try:
            yield
        finally:
            await connection.execute(text(f"SELECT pg_advisory_unlock({GATE})"))


async def decide(handler: SizingHandler, *requests: SizingRequest) -> list[SizingDecision]:
    return [decision_of(outcome) for outcome in await handler([builders.delivery(one) for one in requests])]


async def test_a_decision_sees_what_the_last_holder_of_the_lock_committed(
    desk: Desk, workers: list[SizingHandler]
) -> None:
    """The first worker is held between its insert and its commit, while the second waits for the account's lock.

    What the second reads after the lock is a statement of its own, whose snapshot is taken when the lock is there. With
    lock and read merged into one statement the snapshot is older than the first worker's commit: the second sees
    nothing reserved and approves the same margin again (tried by hand: this test then fails).
    """
    await desk.report(margin_free="1500.00", margin_used="8500.00")
    await desk.publish()
    first, second = request(), request()

    async with held_before_commit(desk.engine, first):
        one = asyncio.create_task(decide(workers[0], first))
        await desk.waiting_for_locks(1)
        other = asyncio.create_task(decide(workers[1], second))
        await desk.waiting_for_locks(2)
    ((approved,), (refused,)) = await asyncio.gather(one, other)

    assert approved.status == "approved"
    assert [reason.code for reason in refused.reasons] == ["insufficient_margin"]
    assert refused.summary.margin_reserved == approved.summary.total_margin_required


async def test_another_account_is_decided_while_one_is_held(desk: Desk, workers: list[SizingHandler]) -> None:
    for user, login in (("u-1", 1), ("u-2", 2)):
        await desk.report(user_id=user, login=login)
        await desk.publish(user_id=user, login=login)
    held = request()

    async with held_before_commit(desk.engine, held):
        one = asyncio.create_task(decide(workers[0], held))
        await desk.waiting_for_locks(1)
        (other,) = await decide(workers[1], request(user_id="u-2"))
        assert not one.done()
    await one

    assert (other.status, other.summary.margin_reserved) == ("approved", Decimal(0))


async def test_two_hundred_requests_at_once_never_spend_margin_twice(desk: Desk, workers: list[SizingHandler]) -> None:
    """Each binds 0.30 × 1,950 = 585.00 of 10,000.00. The k-th is approved while 585 ≤ 0.8 × (10,000 − 585 (k − 1)),
    which holds up to k = 16."""
    await desk.report()
    await desk.publish()
    requests = [request(entries=[builders.entry("1950.00", "1945.00")]) for _ in range(200)]

    decisions = await in_random_batches(workers, requests, seed=7)

    approved = [decision for decision in decisions if decision.status == "approved"]
    assert {decision.request_id for decision in decisions} == {one.request_id for one in requests}
    assert len(approved) == 16
    ordered = sorted(decision.summary.margin_reserved or Decimal(0) for decision in approved)
    assert ordered == [585 * Decimal(number) for number in range(16)]  # each saw all that were before it
    assert {reason.code for decision in decisions for reason in decision.reasons} == {"margin_buffer"}


async def test_fifty_requests_at_once_on_margin_for_three_get_three_approvals(
    desk: Desk, workers: list[SizingHandler]
) -> None:
    """0.8 × (2,000 − 2 × 585) = 664 is enough for a third, and 0.8 × (2,000 − 3 × 585) = 196 not for a fourth."""
    await desk.report(margin_free="2000.00", margin_used="8000.00")
    await desk.publish()
    requests = [request(entries=[builders.entry("1950.00", "1945.00")]) for _ in range(50)]

    decisions = await in_random_batches(workers, requests, seed=9)

    assert [decision.status for decision in decisions].count("approved") == 3


async def test_setups_of_any_size_at_once_each_see_all_that_were_before(
    desk: Desk, workers: list[SizingHandler]
) -> None:
    """Stops of 3 to 40 dollars make setups of 73 to 975 USD of margin, some of which shrink into what is left."""
    await desk.report()
    await desk.publish()
    requests = [
        request(
            entries=[builders.entry("1950.00", str(1950 - 3 - number % 38))],
            on_insufficient_margin="shrink" if number % 3 else "reject",
        )
        for number in range(150)
    ]

    decisions = await in_random_batches(workers, requests, seed=10)

    held = Decimal(0)
    approved = [decision.summary for decision in decisions if decision.status == "approved"]
    for summary in sorted(approved, key=lambda summary: summary.margin_reserved or Decimal(0)):
        assert summary.margin_reserved == held
        assert summary.total_margin_required is not None
        assert summary.total_margin_required <= Decimal("0.8") * (10_000 - held)
        held += summary.total_margin_required
    # 0.8 × what is left buys not even 0.01 lots, 19.50: whatever shrinks has filled the account.
    assert len(decisions) == 150
    assert Decimal("0.8") * (10_000 - held) < Decimal("19.50")


async def test_a_user_with_several_accounts_fills_each_of_them(desk: Desk, workers: list[SizingHandler]) -> None:
    for login in (1, 2, 3):
        await desk.report(login=login)
        await desk.publish(login=login)
    one_entry = [builders.entry("1950.00", "1945.00")]
    keys = [{"login": 1 + number % 3, "server": "Test-MT5"} for number in range(120)]

    decisions = await in_random_batches(workers, [request(account=key, entries=one_entry) for key in keys], seed=8)

    approved = [decision.account.login for decision in decisions if decision.account and decision.status == "approved"]
    assert {login: approved.count(login) for login in (1, 2, 3)} == {1: 16, 2: 16, 3: 16}


async def in_random_batches(
    workers: list[SizingHandler], requests: list[SizingRequest], *, seed: int
) -> list[SizingDecision]:
    """All requests at once: each worker takes batch after batch, of any size, until none is left."""
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    waiting = list(requests)
    decisions: list[SizingDecision] = []

    async def take(handler: SizingHandler) -> None:
        while waiting:
            batch = [waiting.pop() for _ in range(min(len(waiting), random.randint(1, 9)))]
            decisions.extend(await decide(handler, *batch))

    await asyncio.gather(*(take(handler) for handler in workers))
    return decisions
