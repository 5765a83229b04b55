"""What an outage of the database costs: nothing parked, few deliveries, and all is handled when it is over."""

from __future__ import annotations

from collections.abc import Sequence

from dev.waiting import eventually
from shared.errors import DependencyError
from shared.messaging.consumer import GIVEN_BACK_MAX
from shared.messaging.delivery import Delivery
from shared.messaging.outcomes import Ack, Outcome
from shared.messaging.topology import ACCOUNTS, HEADER_DELIVERY_COUNT, parked_name
from tests.counting import told
from tests.integration.messaging.place import Place, consuming


class BrokenStore:
    """Answers when asked whether it is there, and fails every write while `fails`: a full disk, a read-only replica."""

    def __init__(self) -> None:
        self.fails = True
        self.attempts = 0
        self.stored = 0

    async def __call__(self, deliveries: Sequence[Delivery]) -> list[Outcome]:
        self.attempts += 1
        if self.fails:
            raise DependencyError("the disk is full")
        self.stored += len(deliveries)
        return [Ack() for _ in deliveries]

    async def until_attempted(self, times: int) -> None:
        async def look() -> bool:
            return self.attempts >= times

        await eventually(look, timeout_s=60)

    async def until_stored(self, count: int) -> None:
        async def look() -> bool:
            return self.stored >= count

        await eventually(look, timeout_s=15)


async def test_a_long_outage_that_a_ping_does_not_see_uses_up_no_delivery_limit(place: Place) -> None:
    """It came back five times, for another replica's sake; after that it is held, however often it is tried."""
    sender, store = await place.sender("ea-bridge"), BrokenStore()
    await sender.snapshot()
    async with consuming(place, store, wait=False) as running:
        await store.until_attempted(4 + GIVEN_BACK_MAX + 4)
        running.stop.set()
        await running.drained()

    assert (await place.take(ACCOUNTS)).headers[HEADER_DELIVERY_COUNT] == GIVEN_BACK_MAX + 1
    assert await place.is_empty(parked_name(ACCOUNTS))


async def test_the_breaker_is_open_in_the_outage_and_closes_by_itself(place: Place) -> None:
    sender, store = await place.sender("ea-bridge"), BrokenStore()
    await sender.snapshot()
    async with consuming(place, store, wait=False) as running:
        await store.until_attempted(4)
        opened = running.consumer.breaker.is_open
        store.fails = False
        await store.until_stored(1)
        await running.drained()

    assert opened
    assert not running.consumer.breaker.is_open
    assert await place.is_empty(ACCOUNTS)


async def test_the_metrics_tell_that_the_breaker_is_open_and_that_it_is_closed_again(place: Place) -> None:
    def open_now() -> float | None:
        return told("lotwise_breaker_open", breaker=f"{ACCOUNTS} database")

    sender, store = await place.sender("ea-bridge"), BrokenStore()
    await sender.snapshot()
    async with consuming(place, store, wait=False) as running:
        at_first = open_now()
        await store.until_attempted(4)
        in_the_outage = open_now()
        store.fails = False
        await store.until_stored(1)
        await running.drained()

    assert (at_first, in_the_outage, open_now()) == (0, 1, 0)


async def test_what_was_held_is_handled_without_another_delivery(place: Place) -> None:
    sender, store = await place.sender("ea-bridge"), BrokenStore()
    await sender.snapshot()
    async with consuming(place, store, wait=False) as running:
        await store.until_attempted(4 + GIVEN_BACK_MAX + 2)
        store.fails = False
        await store.until_stored(1)
        await running.drained()

    assert store.stored == 1
    assert await place.is_empty(ACCOUNTS)
    assert await place.is_empty(parked_name(ACCOUNTS))
