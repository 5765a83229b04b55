"""The batch consumer on a real broker: what it takes, when it acknowledges, how it comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from dev.waiting import eventually
from shared.errors import DependencyError
from shared.messaging.delivery import Delivery
from shared.messaging.outcomes import Ack, Outcome
from shared.messaging.topology import ACCOUNTS, QUEUES, parked_name
from shared.schemas.account import AccountSnapshot
from tests.counting import told, until_told
from tests.integration.messaging.faults import Operator
from tests.integration.messaging.place import Place, Recorder, consuming
from tests.proxy import Proxy


def login_of(delivery: Delivery) -> int:
    assert isinstance(delivery.content, AccountSnapshot)
    return delivery.content.account.login


class Gate:
    """A handler that waits until it is let through, and remembers what came and what got through."""

    def __init__(self) -> None:
        self.entered: list[list[int]] = []
        self.left: list[list[int]] = []
        self.cancelled = False
        self.open = asyncio.Event()

    async def __call__(self, deliveries: Sequence[Delivery]) -> list[Outcome]:
        logins = [login_of(delivery) for delivery in deliveries]
        self.entered.append(logins)
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        self.left.append(logins)
        return [Ack() for _ in deliveries]

    async def until_entered(self, batches: int) -> None:
        async def look() -> bool:
            return len(self.entered) >= batches

        await eventually(look)

    async def until_left(self, batches: int) -> None:
        async def look() -> bool:
            return len(self.left) >= batches

        await eventually(look)


async def test_what_waits_is_handled_in_one_call_in_its_order(place: Place) -> None:
    sender, gate = await place.sender("ea-bridge"), Gate()
    arrived: list[int] = []

    async def all_wait() -> bool:
        return arrived == [1, 2, 3, 4]

    async with consuming(place, gate, key=lambda delivery: arrived.append(login_of(delivery)), batches_at_once=1):
        await sender.snapshot(login=1)
        await gate.until_entered(1)
        for login in (2, 3, 4):
            await sender.snapshot(login=login)
        await eventually(all_wait)  # a publisher's confirm does not say that the consumer has it
        gate.open.set()

        await gate.until_left(2)

    assert gate.left == [[1], [2, 3, 4]]


async def test_a_batch_has_at_most_its_limit(place: Place) -> None:
    sender, handler = await place.sender("ea-bridge"), Recorder()
    for login in range(1, 8):
        await sender.snapshot(login=login)

    async with consuming(place, handler, batch_max=3):
        await handler.until_count(7)

    assert handler.logins == [1, 2, 3, 4, 5, 6, 7]
    assert max(len(batch) for batch in handler.batches) <= 3


async def test_what_was_not_handled_to_the_end_is_not_acknowledged(place: Place) -> None:
    sender, gate = await place.sender("ea-bridge"), Gate()
    await sender.snapshot(login=1)
    async with consuming(place, gate):
        await gate.until_entered(1)

    assert (await place.take(ACCOUNTS)).redelivered


async def test_what_was_handled_is_acknowledged(place: Place) -> None:
    sender, handler = await place.sender("ea-bridge"), Recorder()
    await sender.snapshot(login=1)
    async with consuming(place, handler) as running:
        await handler.until_count(1)
        await running.drained()

    assert await place.is_empty(ACCOUNTS)


async def test_stopping_finishes_what_was_delivered_and_leaves_the_rest_in_the_queue(place: Place) -> None:
    sender, gate = await place.sender("ea-bridge"), Gate()
    async with consuming(place, gate, prefetch=2) as running:
        for login in range(1, 11):
            await sender.snapshot(login=login)
        await gate.until_entered(1)
        running.stop.set()
        gate.open.set()
        await running.drained()

    handled = [login for batch in gate.left for login in batch]
    rest = [json.loads((await place.take(ACCOUNTS)).body)["account"]["login"] for _ in range(10 - len(handled))]
    assert handled[:2] == [1, 2]
    assert len(handled) < 10
    assert handled + rest == list(range(1, 11))
    assert await place.is_empty(ACCOUNTS)


async def test_stopping_while_nothing_waits_ends_at_once(place: Place) -> None:
    async with consuming(place, Recorder()) as running:
        await running.drained()

    assert running.task.exception() is None


async def test_a_connection_closed_by_force_does_not_cancel_the_handler(place: Place, operator: Operator) -> None:
    sender, gate = await place.sender("ea-bridge"), Gate()
    async with consuming(place, gate):
        await sender.snapshot(login=1)
        await gate.until_entered(1)
        await operator.close_connection("test consume")

        await eventually(lambda: has_no_consumer(place))
        gate.open.set()
        await gate.until_left(2)

    assert not gate.cancelled
    assert gate.left == [[1], [1]]


async def test_after_a_connection_closed_by_force_the_consumer_comes_back(place: Place, operator: Operator) -> None:
    sender, handler = await place.sender("ea-bridge"), Recorder()
    async with consuming(place, handler):
        await operator.close_connection("test consume")
        await sender.snapshot(login=1)

        await handler.until_handled(login=1)

    assert handler.logins == [1]


async def test_the_metrics_tell_whether_the_broker_has_us_as_a_consumer(place: Place) -> None:
    broker = Proxy(place.url("sync-consumer"))
    async with consuming(place, Recorder(), url=broker.url, wait=False):
        async with broker:
            await until_told(1, "lotwise_consuming", queue=ACCOUNTS)
        await until_told(0, "lotwise_consuming", queue=ACCOUNTS)
        async with broker:
            await until_told(1, "lotwise_consuming", queue=ACCOUNTS)


async def test_the_metrics_tell_that_a_consumer_that_was_stopped_consumes_no_more(place: Place) -> None:
    async with consuming(place, Recorder()) as running:
        before = told("lotwise_consuming", queue=ACCOUNTS)
        await running.drained()

    assert (before, told("lotwise_consuming", queue=ACCOUNTS)) == (1, 0)


async def test_a_lost_publishing_connection_delays_the_acknowledgement_and_loses_nothing(
    place: Place, operator: Operator
) -> None:
    sender, handler = await place.sender("ea-bridge"), Recorder()
    async with consuming(place, handler) as running:
        await operator.close_connection("test publish")
        await sender.send(b"not JSON")
        await sender.snapshot(login=1)
        await handler.until_handled(login=1)
        await running.drained()

    assert await place.is_empty(ACCOUNTS)


async def test_a_deleted_queue_is_consumed_again_once_it_is_back(place: Place) -> None:
    sender, handler = await place.sender("ea-bridge"), Recorder()
    operator = await place.operator()
    arguments = next(queue.arguments for queue in QUEUES if queue.name == ACCOUNTS)
    async with consuming(place, handler) as running:
        await operator.queue_delete(ACCOUNTS)

        async def noticed() -> bool:
            return not running.consumer.consuming

        await eventually(noticed)
        again = await operator.declare_queue(ACCOUNTS, durable=True, arguments=dict(arguments))
        await again.bind(ACCOUNTS, "account.snapshot")
        await sender.snapshot(login=1)

        await handler.until_handled(login=1)

    assert handler.logins == [1]


async def test_a_dependency_that_comes_back_soon_is_waited_for_with_the_whole_batch(place: Place) -> None:
    sender, attempts = await place.sender("ea-bridge"), Recorder()
    await sender.snapshot(login=1)

    async def handler(deliveries: Sequence[Delivery]) -> list[Outcome]:
        outcomes = await attempts(deliveries)
        if len(attempts.batches) < 3:
            raise DependencyError("away")
        return outcomes

    async with consuming(place, handler) as running:
        await attempts.until_count(3)
        await running.drained()

    assert attempts.logins == [1, 1, 1]
    assert await place.is_empty(ACCOUNTS)


async def test_a_dependency_that_stays_away_pauses_consuming_and_parks_nothing(place: Place) -> None:
    sender = await place.sender("ea-bridge")
    away, attempts = asyncio.Event(), Recorder()
    away.set()

    async def handler(deliveries: Sequence[Delivery]) -> list[Outcome]:
        outcomes = await attempts(deliveries)
        if away.is_set():
            raise DependencyError("away")
        return outcomes

    async def ready() -> None:
        if away.is_set() and attempts.batches:
            raise DependencyError("away")

    await sender.snapshot(login=1)
    async with consuming(place, handler, ready=ready, wait=False) as running:

        async def paused() -> bool:
            return len(attempts.batches) >= 4 and not running.consumer.consuming

        await eventually(paused)
        tried = len(attempts.batches)
        away.clear()

        async def handled() -> bool:
            return len(attempts.batches) > tried

        await eventually(handled)
        await running.drained()

    assert tried == 4
    assert await place.is_empty(ACCOUNTS)
    assert await place.is_empty(parked_name(ACCOUNTS))


async def test_the_metrics_tell_that_nothing_is_consumed_while_a_dependency_is_away(place: Place) -> None:
    sender, away = await place.sender("ea-bridge"), asyncio.Event()

    async def handler(deliveries: Sequence[Delivery]) -> list[Outcome]:
        if away.is_set():
            raise DependencyError("away")
        return [Ack() for _ in deliveries]

    async def ready() -> None:
        if away.is_set():
            raise DependencyError("away")

    async with consuming(place, handler, ready=ready):
        away.set()
        await sender.snapshot(login=1)
        await until_told(0, "lotwise_consuming", queue=ACCOUNTS)
        away.clear()
        await until_told(1, "lotwise_consuming", queue=ACCOUNTS)


async def test_a_consumer_that_cannot_be_ready_takes_nothing(place: Place) -> None:
    sender, handler = await place.sender("ea-bridge"), Recorder()
    asked = 0

    async def ready() -> None:
        nonlocal asked
        asked += 1
        raise DependencyError("away")

    async with consuming(place, handler, ready=ready, wait=False):
        await sender.snapshot(login=1)

        async def asked_again() -> bool:
            return asked >= 3

        await eventually(asked_again)

    assert handler.batches == []
    assert not (await place.take(ACCOUNTS)).redelivered


async def test_two_replicas_share_a_queue(place: Place) -> None:
    sender, first, second = await place.sender("ea-bridge"), Gate(), Gate()
    async with consuming(place, first, prefetch=1), consuming(place, second, prefetch=1):
        await sender.snapshot(login=1)
        await sender.snapshot(login=2)

        await first.until_entered(1)
        await second.until_entered(1)

    assert sorted(first.entered[0] + second.entered[0]) == [1, 2]


async def has_no_consumer(place: Place) -> bool:
    operator = await place.operator()
    queue = await operator.declare_queue(ACCOUNTS, passive=True)
    return queue.declaration_result.consumer_count == 0
