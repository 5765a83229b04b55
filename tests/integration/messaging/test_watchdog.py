"""A consumer that is connected and registered, and to which nothing comes."""

from __future__ import annotations

from shared.messaging.topology import ACCOUNTS
from tests.counting import Counted
from tests.integration.messaging.deaf import SwallowingProxy
from tests.integration.messaging.place import Place, Recorder, consuming


async def test_a_consumer_to_which_nothing_is_delivered_any_more_is_restarted(place: Place) -> None:
    """Its prefetch is taken by a delivery that was swallowed on the way: the broker waits for its acknowledgement."""
    sender, handler = await place.sender("ea-bridge"), Recorder()
    async with (
        SwallowingProxy(place.url("sync-consumer"), swallow=1) as proxy,
        consuming(place, handler, url=proxy.url, prefetch=1, stall_check_seconds=0.5) as running,
    ):
        await sender.snapshot(login=1)
        await sender.snapshot(login=2)

        await handler.until_count(2)
        await running.drained()

    assert proxy.swallowed == 1
    assert handler.logins == [1, 2]
    assert await place.is_empty(ACCOUNTS)


async def test_the_restart_of_a_consumer_that_stalled_is_counted_by_its_queue(place: Place) -> None:
    sender, handler = await place.sender("ea-bridge"), Recorder()
    stalls = Counted("lotwise_consumer_stalls_total")
    async with (
        SwallowingProxy(place.url("sync-consumer"), swallow=1) as proxy,
        consuming(place, handler, url=proxy.url, prefetch=1, stall_check_seconds=0.5) as running,
    ):
        await sender.snapshot(login=1)
        await sender.snapshot(login=2)
        await handler.until_count(2)
        await running.drained()

    assert stalls.by("queue") == {(ACCOUNTS,): 1}


async def test_a_consumer_that_is_busy_is_left_alone(place: Place) -> None:
    """Messages are ready behind its prefetch, and it has not taken the next one: that is work, not a stall."""
    sender, handler = await place.sender("ea-bridge"), Recorder()
    async with consuming(place, handler, prefetch=1, stall_check_seconds=0.05) as running:
        for login in range(1, 31):
            await sender.snapshot(login=login)
        await handler.until_count(30)
        await running.drained()

    assert handler.logins == list(range(1, 31))
