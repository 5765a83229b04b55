"""Who follows the decisions, and what each has still to get."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from services.config_service.reading import DecisionFilter, Found
from services.config_service.tail import WINDOW, DecisionTail, Encode, Follower
from shared.errors import DependencyError

TURNS = 50


class Log:
    """Decisions by id, with the user of each; counts who asks."""

    def __init__(self) -> None:
        self.users: dict[int, str] = {}
        self.asked = 0
        self.failing = 0

    def add(self, *keys: int, user: str = "u-1") -> None:
        self.users.update(dict.fromkeys(keys, user))

    async def decisions(self, wanted: DecisionFilter, *, before: int | None, limit: int) -> Sequence[Found]:
        assert before is None
        self.asked += 1
        if self.failing:
            self.failing -= 1
            raise DependencyError("the database is away")
        mine = [(key, user) for key, user in self.users.items() if wanted.user_id in (None, user)]
        return [Found(key, {"user_id": user}) for key, user in sorted(mine, reverse=True)[:limit]]


@pytest.fixture
def log() -> Log:
    return Log()


@asynccontextmanager
async def looking(log: Log, *, most: int = 10, encode: Encode = str) -> AsyncIterator[DecisionTail]:
    """A tail that looks again at once."""
    tail = DecisionTail(log, most=most, encode=encode, look_s=0)
    running = asyncio.create_task(tail.run())
    try:
        yield tail
    finally:
        running.cancel()
        await asyncio.wait([running])


@asynccontextmanager
async def following(tail: DecisionTail, user_id: str | None = None) -> AsyncIterator[Follower]:
    with tail.one_more(user_id) as follower:
        assert follower
        await follower.begin()
        yield follower


async def got(follower: Follower) -> list[int]:
    async with asyncio.timeout(5):
        return [one.key for one in await follower.next()]


async def turns() -> None:
    """Let everybody else have theirs."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def has_nothing(follower: Follower) -> bool:
    waiting = asyncio.create_task(follower.next())
    await turns()
    waiting.cancel()
    await asyncio.wait([waiting])
    return waiting.cancelled()


def down(keys: Iterable[int]) -> list[int]:
    return sorted(keys, reverse=True)


async def test_the_newest_come_first_and_then_what_is_new(log: Log) -> None:
    log.add(1, 2)
    async with looking(log) as tail, following(tail) as one:
        assert await got(one) == [2, 1]
        log.add(3, 4)

        assert await got(one) == [4, 3]
        assert await has_nothing(one)


async def test_where_there_is_none_yet_the_first_time_gives_none(log: Log) -> None:
    async with looking(log) as tail, following(tail) as one:
        assert await got(one) == []
        assert await has_nothing(one)


async def test_users_get_their_own_however_many_others_there_are(log: Log) -> None:
    log.add(1)
    log.add(*range(2, 2 * WINDOW), user="u-2")
    async with looking(log) as tail, following(tail, "u-1") as one:
        assert await got(one) == [1]
        log.add(500)
        log.add(501, user="u-2")

        assert await got(one) == [500]
        assert await has_nothing(one)


async def test_what_is_committed_later_with_a_lower_id_comes_too(log: Log) -> None:
    log.add(1, 3)
    async with looking(log) as tail, following(tail) as one:
        assert await got(one) == [3, 1]

        log.add(2)

        assert await got(one) == [2]


async def test_one_who_is_slow_gets_the_newest_and_never_what_was_left_out(log: Log) -> None:
    async with looking(log) as tail, following(tail) as slow:
        assert await got(slow) == []
        for begin in range(1, 10 * WINDOW, WINDOW):
            log.add(*range(begin, begin + WINDOW))
            await turns()

        assert await got(slow) == down(range(9 * WINDOW + 1, 10 * WINDOW + 1))
        assert await has_nothing(slow)


async def test_none_is_given_twice_while_the_window_moves_over_it(log: Log) -> None:
    log.add(*range(0, 4 * WINDOW, 4))
    seen: list[int] = []
    async with looking(log) as tail, following(tail) as one:
        seen += await got(one)
        for step in range(2 * WINDOW):
            log.add(4 * WINDOW + 4 * step, 4 * WINDOW + 4 * step - 7)  # one is the newest, one was late
            seen += await got(one)
            await turns()

        assert len(seen) == len(set(seen)) == 5 * WINDOW
        assert await has_nothing(one)


async def test_what_was_found_before_a_follower_came_is_not_given_after_newer_ones(log: Log) -> None:
    log.add(*range(1, WINDOW + 1))
    async with looking(log) as tail, following(tail):
        await turns()
    log.add(*range(WINDOW + 1, WINDOW + 51))

    async with following(tail) as another:  # and nobody has looked again yet
        assert await got(another) == down(range(51, WINDOW + 51))
        assert await has_nothing(another)


async def test_what_comes_back_because_newer_ones_were_forgotten_is_not_new(log: Log) -> None:
    async with looking(log) as tail, following(tail) as one:
        assert await got(one) == []
        log.add(1)
        assert await got(one) == [1]
        log.add(*range(2, WINDOW + 2))
        assert await got(one) == down(range(2, WINDOW + 2))

        for key in range(3, WINDOW + 2):
            del log.users[key]

        assert await has_nothing(one)
        log.add(WINDOW + 2)
        assert await got(one) == [WINDOW + 2]


async def test_while_nobody_follows_nothing_is_asked(log: Log) -> None:
    async with looking(log) as tail:
        await turns()
        assert log.asked == 0

        async with following(tail), following(tail):
            await turns()
        assert log.asked > 2
        await turns()
        asked = log.asked
        await turns()

        assert log.asked == asked


async def test_all_followers_together_cost_one_look(log: Log) -> None:
    async with looking(log, most=100) as tail, AsyncExitStack() as stack:
        for _ in range(100):
            await stack.enter_async_context(following(tail))
        await turns()
        before = log.asked
        await turns()

        assert log.asked - before <= TURNS


async def test_where_looking_fails_it_is_tried_again_and_nothing_is_missed(log: Log) -> None:
    async with looking(log) as tail, following(tail) as one:
        assert await got(one) == []
        log.failing = 3
        log.add(1)

        assert await got(one) == [1]
        assert log.failing == 0


async def test_who_comes_while_the_database_is_away_is_told(log: Log) -> None:
    tail = DecisionTail(log, most=1, encode=str)
    log.failing = 1
    with tail.one_more(None) as one:
        assert one
        with pytest.raises(DependencyError):
            await one.begin()


async def test_a_decision_is_encoded_once_for_all(log: Log) -> None:
    encoded: list[int] = []

    def encode(found: Found) -> str:
        encoded.append(found.key)
        return str(found.key)

    async with looking(log, encode=encode) as tail, following(tail) as one, following(tail) as another:
        assert await got(one) == await got(another) == []
        for key in range(1, 6):
            log.add(key)
            for follower in (one, another):
                assert [decided.text for decided in await follower.next()] == [str(key)]

    assert encoded == [1, 2, 3, 4, 5]


async def test_there_is_room_for_so_many_and_again_when_one_leaves(log: Log) -> None:
    tail = DecisionTail(log, most=2, encode=str)
    with tail.one_more(None) as one:
        with tail.one_more("u-1") as another, tail.one_more(None) as third:
            assert one
            assert another
            assert third is None
            assert len(tail) == 2

        with tail.one_more(None) as fourth:
            assert fourth
    assert len(tail) == 0
