"""The live stream of decisions: who gets which, when, and that it goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from websockets.asyncio.client import ClientConnection

from dev.waiting import eventually
from services.config_service.http.decision_stream import DECISION_STREAM_PATH
from services.config_service.tail import WINDOW
from shared.database.engine import asyncpg_url
from tests.desk import USER, Desk
from tests.integration.config_service.rows import DECISIONS, make_accounts, make_decisions
from tests.integration.config_service.streams import Streaming, close_code, received, setups, streaming, token
from tests.proxy import Proxy


@pytest.fixture
async def stream(emptied_database: AsyncEngine) -> AsyncIterator[Streaming]:
    """A server with room for two of each stream."""
    async with streaming(emptied_database, most=2) as made:
        yield made


async def instruments(client: ClientConnection) -> list[tuple[str, str]]:
    """Whose decisions the next frame has, and about what."""
    return [(one["user_id"], one["instrument"]) for one in (await received(client))["items"]]


async def test_a_decision_that_is_made_comes_to_who_follows_as_get_answers_it(
    stream: Streaming, emptied_database: AsyncEngine
) -> None:
    desk = Desk(emptied_database)
    await desk.report()
    await desk.publish()
    async with stream.decisions() as owner, stream.decisions(token(user=USER)) as user:
        assert await received(owner) == await received(user) == {"items": []}

        decision = await desk.ask()

        told = await received(owner)
        assert told == {"items": await stream.newest(1)}
        assert told["items"][0]["request_id"] == str(decision.request_id)
        assert await received(user) == told


async def test_the_first_frame_has_the_newest_as_get_answers_them(
    stream: Streaming, emptied_database: AsyncEngine
) -> None:
    await make_accounts(emptied_database, 1, user_id="u-1", first=77)
    await make_decisions(emptied_database, WINDOW, user_id="u-1", login=77)
    await make_decisions(emptied_database, WINDOW // 2, user_id="u-2", reason="account_stale")

    async with stream.decisions() as client:
        assert await received(client) == {"items": await stream.newest(WINDOW)}


async def test_users_get_their_own_among_much_other_traffic_and_the_owner_all(
    stream: Streaming, emptied_database: AsyncEngine
) -> None:
    await make_decisions(emptied_database, 1, user_id="u-1")
    await make_decisions(emptied_database, 2 * WINDOW, user_id="u-2")
    async with stream.decisions() as owner, stream.decisions(token(user="u-1")) as user:
        assert len(await instruments(owner)) == WINDOW
        assert await instruments(user) == [("u-1", "XAUUSD")]

        await make_decisions(emptied_database, 1, user_id="u-2", instrument="EURUSD")
        assert await instruments(owner) == [("u-2", "EURUSD")]
        await make_decisions(emptied_database, 1, user_id="u-1", instrument="GBPUSD")

        assert await instruments(owner) == [("u-1", "GBPUSD")]
        assert await instruments(user) == [("u-1", "GBPUSD")]


async def test_none_is_given_twice(stream: Streaming, emptied_database: AsyncEngine) -> None:
    await make_decisions(emptied_database, WINDOW - 1, user_id="u-1")
    async with stream.decisions() as client:
        got = [await instruments(client)]
        for instrument in ("EURUSD", "GBPUSD", "USDJPY"):
            await make_decisions(emptied_database, 1, user_id="u-1", instrument=instrument)
            got.append(await instruments(client))

    assert got[1:] == [[("u-1", "EURUSD")], [("u-1", "GBPUSD")], [("u-1", "USDJPY")]]


async def test_a_decision_that_is_committed_later_with_a_lower_id_still_comes(
    stream: Streaming, emptied_database: AsyncEngine
) -> None:
    late = {"count": 1, "user_id": "late", "login": None, "instrument": "XAUUSD", "reason": None}
    async with stream.decisions() as client:
        await received(client)
        async with emptied_database.begin() as connection:
            await connection.execute(DECISIONS, late)
            await make_decisions(emptied_database, 2, user_id="quick")
            assert await instruments(client) == [("quick", "XAUUSD")] * 2

        assert await instruments(client) == [("late", "XAUUSD")]
    assert [one["user_id"] for one in await stream.newest(3)] == ["quick", "quick", "late"]


async def test_of_more_than_are_looked_at_the_newest_come(stream: Streaming, emptied_database: AsyncEngine) -> None:
    async with stream.decisions() as client:
        await received(client)

        await make_decisions(emptied_database, 3 * WINDOW, user_id="u-1")

        assert await setups(client) == [f"setup-{n}" for n in range(3 * WINDOW, 2 * WINDOW, -1)]
        await make_decisions(emptied_database, 1, user_id="u-1", instrument="EURUSD")
        assert await instruments(client) == [("u-1", "EURUSD")]


async def test_a_first_frame_without_a_good_token_closes_this_stream_too(stream: Streaming) -> None:
    async with stream.connect(DECISION_STREAM_PATH) as client:
        await client.send("{}")

        assert await close_code(client, timeout_s=3) == 4401


async def test_each_stream_has_its_own_room(stream: Streaming) -> None:
    async with stream.decisions() as one, stream.decisions() as another, stream.decisions() as third:
        assert await received(one) == await received(another) == {"items": []}
        assert await close_code(third) == 1013

        async with stream.client() as client:
            assert await received(client) == await stream.configuration()


async def test_the_metric_counts_the_clients_of_both_streams(stream: Streaming) -> None:
    def count() -> float:
        return REGISTRY.get_sample_value("lotwise_stream_clients") or 0

    before = count()
    async with stream.decisions() as one, stream.client() as another:
        await received(one)
        await received(another)
        assert count() == before + 2

    async def left() -> bool:
        return count() == before

    await eventually(left)


async def test_while_the_database_is_away_who_follows_stays_and_who_comes_is_told(
    handlers_database_url: str, emptied_database: AsyncEngine
) -> None:
    way = Proxy(handlers_database_url)
    engine = create_async_engine(asyncpg_url(way.url), poolclass=NullPool)
    async with AsyncExitStack() as stack:
        async with way:
            stream = await stack.enter_async_context(streaming(engine))
            client = await stack.enter_async_context(stream.decisions())
            assert await received(client) == {"items": []}

        async with stream.decisions() as another:
            assert await close_code(another) == 1013
        await make_decisions(emptied_database, 1, user_id="u-1")

        async with way:
            assert await instruments(client) == [("u-1", "XAUUSD")]
    await engine.dispose()
