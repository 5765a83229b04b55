"""What the consumer tells of itself: how long messages take, the wait behind others included, and lost connections."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from dev.waiting import eventually
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
