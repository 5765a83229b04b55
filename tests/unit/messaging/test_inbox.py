"""Lanes: messages of one key in their order, and what may be acknowledged while other lanes still work."""

from __future__ import annotations

import asyncio
from typing import Any

from aiormq.abc import DeliveredMessage
from hypothesis import given
from hypothesis import strategies as st
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from shared.messaging.delivery import read_delivery
from shared.messaging.inbox import Inbox, Received

MOST = 100


def received(tag: int) -> Received:
    nobody: Any = None  # nothing here is acknowledged
    message = DeliveredMessage(Basic.Deliver("c", tag), ContentHeader(), b"", nobody)
    return Received(message, read_delivery(message, accepts=frozenset(), own_user="worker"))


def filled(*keys: str | None, lanes: int = 2) -> Inbox:
    inbox = Inbox(lanes)
    for tag, key in enumerate(keys, start=1):
        inbox.put(received(tag), key=key)
    return inbox


async def tags(inbox: Inbox, lane: int, most: int = MOST) -> list[int]:
    return [one.tag for one in await inbox.take(lane, most)]


async def test_messages_of_one_key_are_in_one_lane_in_their_order() -> None:
    inbox = filled(*["u-1", "u-2"] * 3, lanes=8)
    inbox.close(discard=False)

    lanes = [await tags(inbox, lane) for lane in range(8)]

    assert sorted(lane for lane in lanes if lane) == [[1, 3, 5], [2, 4, 6]]


async def test_messages_without_a_key_share_the_first_lane() -> None:
    assert await tags(filled(None, None), 0) == [1, 2]


async def test_no_more_is_taken_than_asked_for_and_the_rest_waits() -> None:
    inbox = filled(None, None, None)
    assert await tags(inbox, 0, most=2) == [1, 2]
    assert await tags(inbox, 0) == [3]


async def test_a_closed_lane_is_drained_and_then_ends() -> None:
    inbox = filled(None)
    inbox.close(discard=False)
    assert [await tags(inbox, 0), await tags(inbox, 0)] == [[1], []]


async def test_what_is_no_longer_ours_is_not_taken() -> None:
    inbox = filled(None)
    inbox.close(discard=True)
    assert await tags(inbox, 0) == []


async def test_a_message_wakes_its_lane() -> None:
    inbox = Inbox(2)
    waiting = asyncio.create_task(tags(inbox, 0))
    await asyncio.sleep(0)
    inbox.put(received(7), key=None)
    assert await waiting == [7]


@given(st.permutations(range(1, 9)), st.integers(1, 4))
def test_the_broker_is_told_of_all_that_is_settled_up_to_the_first_that_is_not(order: list[int], size: int) -> None:
    inbox = filled(*[None] * len(order))
    settled: set[int] = set()
    told = 0
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        settled |= set(batch)
        told = inbox.settle([received(tag) for tag in batch]) or told
        assert set(range(1, told + 1)) <= settled
        assert told + 1 not in settled
    assert told == len(order)
    assert inbox.is_idle


def test_what_is_singled_out_is_not_acknowledged_again() -> None:
    inbox = filled(None, None, None)
    assert inbox.settle([received(2), received(3)]) is None
    assert inbox.single_out([received(3)]) == [3]
    assert [one.tag for one in inbox.unsettled()] == [1, 2]
    assert inbox.settle([received(1)]) == 2
    assert inbox.single_out([received(3)]) == []
