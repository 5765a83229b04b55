"""Every version reaches who follows, in order and without a gap, whatever became of its broadcast."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.config_service.subscribers import Subscriber, Subscribers
from services.config_service.timeline import PAGE_SIZE, Timeline
from tests.integration.config_service.dials import Dial, command

pytestmark = pytest.mark.usefixtures("emptied_database")


@asynccontextmanager
async def following(dial: Dial) -> AsyncIterator[Subscriber]:
    """One who follows a replica, from the version in force on."""
    subscribers = Subscribers(most=1)
    timeline = Timeline(dial.changes, subscribers)
    subscribers.publish(await dial.changes.current())
    running = asyncio.create_task(timeline.run())
    try:
        with subscribers.one_more() as subscriber:
            assert subscriber
            yield subscriber
    finally:
        running.cancel()
        await asyncio.wait([running])


async def got(subscriber: Subscriber, count: int) -> list[int]:
    async with asyncio.timeout(5):  # half of what the look into the database would take
        return [(await subscriber.next()).number for _ in range(count)]


async def test_what_this_replica_commits_needs_no_broadcast(dial: Dial) -> None:
    async with following(dial) as subscriber:
        await dial.apply(command())
        await dial.apply(command())

        assert await got(subscriber, 2) == [2, 3]


async def test_what_was_broadcast_before_the_last_is_read_from_the_history(dial: Dial, other_dial: Dial) -> None:
    made = [(await other_dial.apply(command())).config for _ in range(5)]
    async with following(dial) as subscriber:
        made += [(await other_dial.apply(command())).config for _ in range(5)]

        dial.changes.hear(made[-1])

        assert await got(subscriber, 5) == [7, 8, 9, 10, 11]


async def test_a_broadcast_that_was_overtaken_is_not_told_again(dial: Dial, other_dial: Dial) -> None:
    async with following(dial) as subscriber:
        made = [(await other_dial.apply(command())).config for _ in range(3)]
        dial.changes.hear(made[2])
        assert await got(subscriber, 3) == [2, 3, 4]

        dial.changes.hear(made[0])
        dial.changes.hear((await other_dial.apply(command())).config)

        assert await got(subscriber, 1) == [5]


async def test_a_gap_of_many_pages_is_filled(dial: Dial, other_dial: Dial) -> None:
    async with following(dial) as subscriber:
        for _ in range(PAGE_SIZE * 2):
            await other_dial.apply(command())

        await dial.changes.refresh()  # as after each new subscription to the broadcast

        assert await got(subscriber, PAGE_SIZE * 2) == list(range(2, PAGE_SIZE * 2 + 2))


async def test_without_any_broadcast_the_database_is_looked_at(dial: Dial, other_dial: Dial) -> None:
    async with following(dial) as subscriber:
        await other_dial.apply(command())

        version = await asyncio.wait_for(subscriber.next(), 15)

    assert version.number == 2
