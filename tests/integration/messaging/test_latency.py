"""How long messages take, announced by the worker that handled them and heard by config_service, each by its rights."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from dev.waiting import eventually
from services.config_service.latency import Latencies, Latency
from shared import metrics
from shared.messaging.broadcast import BroadcastListener
from shared.messaging.delivery import Delivery
from shared.messaging.latency_reporter import LatencyReporter
from shared.messaging.outcomes import Ack, Outcome
from shared.messaging.publisher import Publisher
from shared.messaging.topology import ACCOUNTS
from shared.schemas.account import AccountSnapshot
from shared.schemas.latency import WorkerLatency
from tests.counting import Counted
from tests.integration.messaging.place import Place, background, consuming, settings

SLOW_S = 0.06


async def slowly(deliveries: Sequence[Delivery]) -> list[Outcome]:
    await asyncio.sleep(SLOW_S)  # the work itself, not a wait for somebody
    return [Ack() for _ in deliveries]


async def nothing() -> None:
    return None


async def test_what_messages_of_one_type_took_reaches_config_service(place: Place) -> None:
    metrics.MESSAGE_SECONDS.clear()  # it counts what other tests of this process have handled, too
    latencies, heard = Latencies(), asyncio.Event()

    def hear(report: WorkerLatency) -> None:
        latencies.hear(report, now=datetime.now(UTC))
        heard.set()

    listener = BroadcastListener(
        settings(place.url("config-service")),
        instance="test",
        subscribed=nothing,
        changed=lambda _: None,
        measured=hear,
    )
    publisher = Publisher(settings(place.url("sizing-worker")), name="test publish")
    reporter = LatencyReporter(
        publisher, instance="w-1", service="sizing_worker", queue=ACCOUNTS, message=AccountSnapshot, every_s=0.05
    )

    async def measured() -> Latency | None:
        return latencies.now(datetime.now(UTC))

    others = Counted("lotwise_message_duration_seconds_count")

    async def others_counted() -> bool:
        return others.by("type") == {("account.instruments.v1",): 2}

    async def listening() -> bool:
        return listener.listening and publisher.connected

    async with background(listener.run(), publisher.run()), consuming(place, slowly):
        await eventually(listening)
        sender = await place.sender("ea-bridge")
        for _ in range(2):
            await sender.send({}, name="account.instruments.v1")
        await eventually(others_counted)
        async with background(reporter.run()):
            await asyncio.wait_for(heard.wait(), 10)  # with it, counting begins
            await sender.snapshot()

            found = await eventually(measured)

    # Within the bounds that hold it: 50 ms and 100 ms.
    assert found
    assert (found.messages, Decimal("0.05") < found.p50_s <= Decimal("0.1")) == (1, True)
