"""Publishing: confirmed, bounded, and honest about what it does not know."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dev.waiting import eventually
from shared.errors import DependencyError, UnknownOutcomeError
from shared.messaging.publisher import Outgoing, Publisher, UnroutableError
from shared.messaging.topology import ACCOUNTS, DEAD, EVENTS, KEY_ACCOUNT_REFUSED, parked_name
from tests.counting import Counted, until_told
from tests.integration.messaging.faults import Operator
from tests.integration.messaging.place import Place, background, settings
from tests.proxy import Proxy

MESSAGE_ID = "8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10"


def parked(message_id: str = MESSAGE_ID, *, queue: str = ACCOUNTS) -> Outgoing:
    return Outgoing(DEAD, queue, b"{}", "account.snapshot.v1", message_id=message_id)


@asynccontextmanager
async def publishing(place: Place) -> AsyncIterator[Publisher]:
    publisher = Publisher(settings(place.url("sync-consumer"), amqp_timeout_seconds=2), name="test publish")
    async with background(publisher.run()):
        await until_connected(publisher)
        yield publisher


async def is_published(publisher: Publisher) -> bool:
    return await publisher.publish_all([parked()]) == [None]


async def until_connected(publisher: Publisher) -> None:
    async def look() -> bool:
        return publisher.connected

    await eventually(look)


async def test_a_confirmed_message_is_in_its_queue(place: Place) -> None:
    async with publishing(place) as publisher:
        await publisher.publish(parked())

    message = await place.take(parked_name(ACCOUNTS))
    assert (message.message_id, message.body, message.user_id) == (MESSAGE_ID, b"{}", place.user("sync-consumer"))


async def test_a_message_that_no_queue_takes_is_told_as_such(place: Place) -> None:
    async with publishing(place) as publisher:
        with pytest.raises(UnroutableError, match=r"no queue takes 'lotwise.dead' 'nowhere'"):
            await publisher.publish(parked(queue="nowhere"))


async def test_a_message_that_needs_no_queue_may_have_none(place: Place) -> None:
    async with publishing(place) as publisher:
        await publisher.publish(Outgoing(EVENTS, KEY_ACCOUNT_REFUSED, b"{}", "account.refused.v1", mandatory=False))


async def test_of_two_messages_with_one_id_each_is_reported_truthfully(place: Place) -> None:
    async with publishing(place) as publisher:
        faults = await publisher.publish_all([parked(queue="nowhere"), parked(), parked(queue="nowhere")])

    assert [type(fault) for fault in faults] == [UnroutableError, type(None), UnroutableError]


async def test_many_messages_are_each_reported_in_their_place(place: Place) -> None:
    batch = [
        parked(f"{MESSAGE_ID[:-2]}{number:02}", queue=ACCOUNTS if number % 2 else "nowhere") for number in range(20)
    ]
    async with publishing(place) as publisher:
        faults = await publisher.publish_all(batch)

    assert [fault is None for fault in faults] == [bool(number % 2) for number in range(20)]


async def test_an_exchange_that_may_not_be_written_to_is_a_fault_and_not_the_end(place: Place) -> None:
    async with publishing(place) as publisher:
        with pytest.raises(DependencyError):
            await publisher.publish(Outgoing(ACCOUNTS, "account.snapshot", b"{}", "account.snapshot.v1"))

        await eventually(lambda: is_published(publisher))

    assert (await place.take(parked_name(ACCOUNTS))).message_id == MESSAGE_ID


async def test_without_a_connection_publishing_ends_within_its_bound() -> None:
    publisher = Publisher(settings("amqp://nobody@127.0.0.1:1", amqp_timeout_seconds=0.1), name="test publish")
    async with background(publisher.run()):
        with pytest.raises(UnknownOutcomeError, match=r"did not answer within 0.1 s"):
            await publisher.publish(parked())


async def test_after_a_connection_closed_by_force_publishing_goes_on(place: Place, operator: Operator) -> None:
    async with publishing(place) as publisher:
        await operator.close_connection("test publish")
        await eventually(lambda: is_published(publisher))

    assert (await place.take(parked_name(ACCOUNTS))).message_id == MESSAGE_ID


async def test_the_metrics_tell_whether_the_publishing_connection_is_up(place: Place) -> None:
    broker = Proxy(place.url("sync-consumer"))
    async with background(Publisher(settings(broker.url), name="test publish").run()):
        async with broker:
            await until_told(1, "lotwise_broker_connected", role="publish")
        await until_told(0, "lotwise_broker_connected", role="publish")
        async with broker:
            await until_told(1, "lotwise_broker_connected", role="publish")


async def test_events_that_cannot_be_published_cost_a_second_at_most() -> None:
    publisher = Publisher(settings("amqp://nobody@127.0.0.1:1"), name="test publish")
    event = Outgoing(EVENTS, KEY_ACCOUNT_REFUSED, b"{}", "account.refused.v1", mandatory=False)
    async with background(publisher.run()), asyncio.timeout(2):
        await publisher.publish_events([event])


async def test_events_that_cannot_be_published_are_counted_as_lost() -> None:
    publisher = Publisher(settings("amqp://nobody@127.0.0.1:1"), name="test publish")
    event = Outgoing(EVENTS, KEY_ACCOUNT_REFUSED, b"{}", "account.refused.v1", mandatory=False)
    lost = Counted("lotwise_events_lost_total")
    async with background(publisher.run()):
        await publisher.publish_events([event, event])

    assert lost.total() == 2


async def test_events_that_are_published_are_not_counted_as_lost(place: Place) -> None:
    event = Outgoing(EVENTS, KEY_ACCOUNT_REFUSED, b"{}", "account.refused.v1", mandatory=False)
    lost = Counted("lotwise_events_lost_total")
    async with publishing(place) as publisher:
        await publisher.publish_events([event, event])

    assert lost.total() == 0


async def test_a_thousand_publishes_leave_nothing_that_waits(place: Place) -> None:
    event = Outgoing(EVENTS, KEY_ACCOUNT_REFUSED, b"{}", "account.refused.v1", mandatory=False)
    async with publishing(place) as publisher:
        before = waiting()
        for _ in range(500):
            await publisher.publish_events([event])
            await publisher.publish_all([event])

        assert waiting() < before + 20


def waiting() -> int:
    """How many futures of this process are not done."""
    gc.collect()
    return sum(isinstance(one, asyncio.Future) and not one.done() for one in gc.get_objects())
