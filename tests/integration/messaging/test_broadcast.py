"""The broadcast of a new configuration, and what happens between two subscriptions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aio_pika.exceptions import PublishError

from dev.waiting import eventually
from shared.errors import DependencyError
from shared.messaging.broadcast import BroadcastListener
from shared.messaging.topology import CONFIG_CHANGED
from shared.schemas.config import ConfigChanged
from tests.counting import until_told
from tests.integration.messaging.faults import Operator
from tests.integration.messaging.place import Place, background, settings
from tests.proxy import Proxy


def change(version: int) -> dict[str, Any]:
    return {
        "config_version": version,
        "fixed_risk_percent": "2.5",
        "entry_splits": {"entry_1_percent": "0.5", "entry_2_percent": "0.35", "entry_3_percent": "0.15"},
        "margin_buffer_percent": "20",
        "updated_at": "2026-11-22T14:00:00.000Z",
        "updated_by": "owner-1",
        "reason": None,
    }


class Ears:
    """What was heard, and how often it was subscribed."""

    def __init__(self, place: Place, *, fail_first: int = 0, url: str | None = None) -> None:
        self.versions: list[int] = []
        self.subscriptions = 0
        self._fail = fail_first
        self.listener = BroadcastListener(
            settings(url or place.url("sizing-worker")),
            instance="test.1",
            subscribed=self.subscribed,
            changed=self.changed,
        )

    async def subscribed(self) -> None:
        self.subscriptions += 1
        if self.subscriptions <= self._fail:
            raise DependencyError("the database is away")

    def changed(self, configuration: ConfigChanged) -> None:
        self.versions.append(configuration.config_version)

    async def until_listening(self, subscriptions: int) -> None:
        async def look() -> bool:
            return self.listener.listening and self.subscriptions >= subscriptions

        await eventually(look)

    async def until_heard(self, version: int) -> None:
        async def look() -> bool:
            return version in self.versions

        await eventually(look)


@asynccontextmanager
async def listening(place: Place, **more: Any) -> AsyncIterator[Ears]:
    ears = Ears(place, **more)
    async with background(ears.listener.run()):
        await ears.until_listening(1)
        yield ears


async def broadcast(place: Place, body: bytes | dict[str, Any], name: str = "config.changed.v1") -> None:
    sender = await place.sender("config-service")
    await sender.send(body, exchange=CONFIG_CHANGED, key="", name=name)


async def test_every_process_hears_a_change(place: Place) -> None:
    async with listening(place) as one, listening(place) as another:
        await broadcast(place, change(2))

        await one.until_heard(2)
        await another.until_heard(2)


async def test_a_listener_is_subscribed_before_it_loads(place: Place) -> None:
    ears = Ears(place)
    sent = asyncio.Event()

    async def subscribed() -> None:
        if not sent.is_set():
            await broadcast(place, change(2))
            sent.set()

    listener = BroadcastListener(
        settings(place.url("sizing-worker")), instance="test.1", subscribed=subscribed, changed=ears.changed
    )
    async with background(listener.run()):
        await ears.until_heard(2)


async def test_after_a_lost_connection_it_subscribes_and_loads_again(place: Place, operator: Operator) -> None:
    async with listening(place) as ears:
        await operator.close_connection("test.1 broadcast")
        await ears.until_listening(2)
        await broadcast(place, change(3))

        await ears.until_heard(3)


async def test_the_metrics_tell_whether_a_broadcast_would_be_heard(place: Place) -> None:
    broker = Proxy(place.url("sizing-worker"))
    async with background(Ears(place, url=broker.url).listener.run()):
        async with broker:
            await until_told(1, "lotwise_broker_connected", role="broadcast")
        await until_told(0, "lotwise_broker_connected", role="broadcast")
        async with broker:
            await until_told(1, "lotwise_broker_connected", role="broadcast")


async def test_where_loading_fails_it_tries_again(place: Place) -> None:
    async with listening(place, fail_first=2) as ears:
        assert ears.subscriptions == 3


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"\xff", "config.changed.v1"),
        (b"{}", "config.changed.v1"),
        (json.dumps({**change(9), "fixed_risk_percent": "NaN"}).encode(), "config.changed.v1"),
        (json.dumps(change(9)).encode(), "config.changed.v2"),
    ],
)
async def test_a_broadcast_that_cannot_be_read_changes_nothing(place: Place, body: bytes, name: str) -> None:
    async with listening(place) as ears:
        await broadcast(place, body, name)
        await broadcast(place, change(4))

        await ears.until_heard(4)

    assert ears.versions == [4]


async def test_the_queue_goes_with_its_process(place: Place) -> None:
    async with listening(place):
        pass

    sender = await place.sender("config-service")

    async def nobody_takes_it() -> bool:
        try:
            await sender.send(change(5), exchange=CONFIG_CHANGED, key="", name="config.changed.v1")
        except PublishError:
            return True
        return False

    await eventually(nobody_takes_it)
