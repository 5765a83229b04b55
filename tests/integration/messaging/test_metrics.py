"""What the consumer tells of itself: how long messages and batches take, how large these are, and what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from dev.waiting import eventually
from shared.errors import DependencyError
from shared.messaging.delivery import Delivery
from shared.messaging.outcomes import Ack, Outcome
from shared.messaging.topology import ACCOUNTS
from tests.counting import Counted
from tests.integration.messaging.faults import Operator
from tests.integration.messaging.place import Place, Recorder, consuming

SLOW_S = 0.2


async def slowly(deliveries: Sequence[Delivery]) -> list[Outcome]:
    await asyncio.sleep(SLOW_S)  # the work itself, not a wait for somebody
    return [Ack() for _ in deliveries]


async def test_a_message_takes_from_its_arrival_to_its_acknowledgement_also_while_it_waits_behind_others(
    place: Place,
) -> None:
    sender = await place.sender("ea-bridge")
    seconds, messages = (Counted(f"lotwise_message_duration_seconds_{what}") for what in ("sum", "count"))
    for login in (1, 2, 3):
        await sender.snapshot(login=login)

    async def all_settled() -> bool:
        return messages.by("queue") == {(ACCOUNTS,): 3}

    async with consuming(place, slowly, batch_max=1):
        await eventually(all_settled)

    # The three came together, and each waited for those before it: one, two and three times the work.
    assert seconds.total() > 5 * SLOW_S


async def test_a_handlers_time_is_the_work_alone_and_not_the_wait_behind_others(place: Place) -> None:
    sender = await place.sender("ea-bridge")
    handling, messages = (Counted(f"lotwise_{what}_duration_seconds_sum") for what in ("handler", "message"))
    handled = Counted("lotwise_handler_duration_seconds_count")
    for login in (1, 2, 3):
        await sender.snapshot(login=login)

    async def all_settled() -> bool:
        return handled.by("queue") == {(ACCOUNTS,): 3}

    async with consuming(place, slowly, batch_max=1) as running:
        await eventually(all_settled)
        await running.drained()

    assert 2.5 * SLOW_S < handling.total() < messages.total() - 2 * SLOW_S


async def test_the_attempts_that_a_dependencys_error_ended_are_one_handling_of_the_batch(place: Place) -> None:
    sender, attempts = await place.sender("ea-bridge"), Recorder()
    seconds, handled = (Counted(f"lotwise_handler_duration_seconds_{what}") for what in ("sum", "count"))
    await sender.snapshot()

    async def handler(deliveries: Sequence[Delivery]) -> list[Outcome]:
        await attempts(deliveries)
        outcomes = await slowly(deliveries)
        if len(attempts.batches) < 3:
            raise DependencyError("away")
        return outcomes

    async with consuming(place, handler) as running:
        await attempts.until_count(3)
        await running.drained()

    assert handled.by("queue") == {(ACCOUNTS,): 1}
    assert seconds.total() > 2.5 * SLOW_S


async def test_each_batch_is_counted_with_how_many_were_handled_together(place: Place) -> None:
    sender, handler = await place.sender("ea-bridge"), Recorder()
    messages, batches = (Counted(f"lotwise_batch_messages_{what}") for what in ("sum", "count"))
    for login in range(1, 8):
        await sender.snapshot(login=login)

    async with consuming(place, handler, batch_max=3) as running:
        await handler.until_count(7)
        await running.drained()

    assert messages.by("queue") == {(ACCOUNTS,): 7}
    assert batches.by("queue") == {(ACCOUNTS,): len(handler.batches)}


async def test_the_critical_time_is_from_when_a_message_says_it_was_sent(place: Place) -> None:
    sender, handler = await place.sender("ea-bridge"), Recorder()
    seconds, messages = (Counted(f"lotwise_critical_time_seconds_{what}") for what in ("sum", "count"))
    async with consuming(place, handler) as running:
        await sender.snapshot(timestamp=datetime.now(UTC) - timedelta(seconds=100))
        await handler.until_count(1)
        await running.drained()

    assert messages.by("queue") == {(ACCOUNTS,): 1}
    assert 100 <= seconds.total() < 130


async def test_a_message_that_says_not_when_it_was_sent_has_no_critical_time(place: Place) -> None:
    sender, handler = await place.sender("ea-bridge"), Recorder()
    messages = Counted("lotwise_critical_time_seconds_count")
    async with consuming(place, handler) as running:
        await sender.snapshot(timestamp=None)
        await handler.until_count(1)
        await running.drained()

    assert messages.total() == 0


@pytest.mark.parametrize(("error", "kind"), [(DependencyError("away"), "dependency"), (ZeroDivisionError(), "bug")])
async def test_a_batch_that_an_error_ended_is_counted_by_whether_it_is_a_dependencys_or_a_bug(
    place: Place, error: Exception, kind: str
) -> None:
    sender, attempts = await place.sender("ea-bridge"), Recorder()
    faults = Counted("lotwise_batch_faults_total")
    await sender.snapshot()

    async def handler(deliveries: Sequence[Delivery]) -> list[Outcome]:
        outcomes = await attempts(deliveries)
        if len(attempts.batches) == 1:
            raise error
        return outcomes

    async with consuming(place, handler) as running:
        await attempts.until_count(2)
        await running.drained()

    assert faults.by("kind") == {(kind,): 1}


async def test_a_connection_that_is_lost_and_comes_back_is_counted_by_its_role(
    place: Place, operator: Operator
) -> None:
    reconnects = Counted("lotwise_broker_reconnects_total")

    async def lost() -> bool:
        return ("consume",) in reconnects.by("role")

    async with consuming(place, Recorder()) as running:
        await operator.close_connection("test consume")
        await eventually(lost)
        await running.until_consuming()

    assert set(reconnects.by("role")) == {("consume",)}
