"""Who follows the live stream, and what each has still to get."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack

from services.config_service.subscribers import Subscriber, Subscribers, Version
from shared.schemas.config import ConfigChanged
from tests.unit.config_service.configurations import FIRST


def config(version: int) -> ConfigChanged:
    return FIRST.model_copy(update={"config_version": version})


def following(version: int = 7, *, most: int = 10) -> Subscribers:
    """Nobody follows yet, and the last version published was this."""
    subscribers = Subscribers(most=most)
    subscribers.publish(config(version))
    return subscribers


async def got(subscriber: Subscriber, count: int) -> list[int]:
    return [(await subscriber.next()).number for _ in range(count)]


async def has_nothing(subscriber: Subscriber) -> bool:
    waiting = asyncio.create_task(subscriber.next())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    return waiting.cancelled()


def test_a_version_is_encoded_as_the_broadcast_is() -> None:
    assert json.loads(Version.of(config(7)).text) == json.loads(config(7).to_json())


async def test_everyone_gets_every_version_in_its_order() -> None:
    subscribers = following()
    with subscribers.one_more() as one, subscribers.one_more() as another:
        assert one
        assert another
        for version in (8, 9, 10):
            subscribers.publish(config(version))

        assert await got(one, 3) == [8, 9, 10]
        assert await got(another, 3) == [8, 9, 10]


async def test_a_version_that_is_not_newer_is_passed_over() -> None:
    subscribers = following()
    with subscribers.one_more() as one:
        assert one
        subscribers.publish(config(9))
        subscribers.publish(config(8))
        assert subscribers.newest == 9
        subscribers.publish(config(10))

        assert await got(one, 2) == [9, 10]
        assert await has_nothing(one)


async def test_a_client_begins_with_the_version_in_force_and_gets_nothing_older() -> None:
    subscribers = following()
    with subscribers.one_more() as one:
        assert one
        for version in (8, 9, 10):  # published while the version in force, 9, was being read
            subscribers.publish(config(version))
        one.begin(Version.of(config(9)))

        assert await got(one, 2) == [9, 10]
        assert await has_nothing(one)


async def test_one_who_has_what_is_in_force_does_not_get_it_again() -> None:
    subscribers = following()
    with subscribers.one_more() as one:
        assert one
        one.begin(Version.of(config(9)))
        for version in (8, 9, 10):  # the broadcasts come later than the read
            subscribers.publish(config(version))

        assert await got(one, 2) == [9, 10]


async def test_one_who_falls_behind_gets_nothing_more_and_holds_nothing() -> None:
    one = Subscriber(waiting_max=2)
    for version in (8, 9, 10, 11):
        one.offer(Version.of(config(version)))

    assert one.behind.is_set()
    assert await has_nothing(one)


async def test_one_who_keeps_up_does_not_fall_behind() -> None:
    one = Subscriber(waiting_max=2)
    for version in range(8, 20, 2):
        one.offer(Version.of(config(version)))
        one.offer(Version.of(config(version + 1)))
        await got(one, 2)

    assert not one.behind.is_set()


async def test_one_who_falls_behind_does_not_keep_the_others_from_theirs() -> None:
    subscribers = following()
    with subscribers.one_more() as slow, subscribers.one_more() as quick:
        assert slow
        assert quick
        for version in range(8, 308):
            subscribers.publish(config(version))
            assert await got(quick, 1) == [version]

        assert slow.behind.is_set()
        assert not quick.behind.is_set()


def test_there_is_room_for_so_many_and_again_when_one_leaves() -> None:
    subscribers = following(most=2)
    with ExitStack() as stack:
        first = ExitStack()
        assert first.enter_context(subscribers.one_more())
        assert stack.enter_context(subscribers.one_more())
        assert stack.enter_context(subscribers.one_more()) is None
        assert len(subscribers) == 2

        first.close()

        assert stack.enter_context(subscribers.one_more())
    assert len(subscribers) == 0


def test_nobody_follows_before_there_is_a_version() -> None:
    with Subscribers(most=1).one_more() as one:
        assert one is None
