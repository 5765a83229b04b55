"""What each process announces of itself, and who may hear it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused

from dev.waiting import eventually
from shared.messaging.announcer import ANNOUNCE_EVERY_S, Announcer
from shared.messaging.broadcast import BroadcastListener
from shared.messaging.publisher import Publisher
from shared.messaging.topology import EVENTS, KEY_SIZING_DECIDED, KEY_WORKER_STATE, broadcast_name
from shared.schemas.config import WorkerState
from tests.integration.messaging.place import Place, background, settings


class Announcing:
    """A sizing worker that announces its version, and a config service that hears it."""

    def __init__(self, place: Place) -> None:
        self.heard: list[WorkerState] = []
        self.changed = asyncio.Event()
        self.version: int | None = None
        self.publisher = Publisher(settings(place.url("sizing-worker")), name="test publish")
        self.announcer = Announcer(
            self.publisher,
            instance="worker.1",
            service="sizing_worker",
            version=lambda: self.version,
            changed=self.changed,
        )
        self.listener = BroadcastListener(
            settings(place.url("config-service")),
            instance="config.1",
            subscribed=self._subscribed,
            changed=lambda _: None,
            announced=self.heard.append,
        )

    def run(self, version: int) -> None:
        """Swap to a version."""
        self.version = version
        self.changed.set()

    async def until_heard(self, version: int) -> None:
        """Return once this version is the last announced; well before it would be announced anyway."""

        async def look() -> bool:
            return bool(self.heard) and self.heard[-1].config_version == version

        await eventually(look, timeout_s=ANNOUNCE_EVERY_S / 2)

    async def _subscribed(self) -> None:
        pass


@pytest.fixture
async def announcing(place: Place) -> AsyncIterator[Announcing]:
    """Both, connected; nothing has been announced yet."""
    made = Announcing(place)
    async with background(made.publisher.run(), made.listener.run()):

        async def connected() -> bool:
            return made.publisher.connected and made.listener.listening

        await eventually(connected)
        yield made


async def test_a_version_is_announced_as_soon_as_it_runs(announcing: Announcing) -> None:
    async with background(announcing.announcer.run()):
        announcing.run(7)
        await announcing.until_heard(7)

        announcing.run(8)
        await announcing.until_heard(8)

    assert {(state.instance, state.service) for state in announcing.heard} == {("worker.1", "sizing_worker")}


async def test_changes_at_once_make_one_announcement_of_the_last(announcing: Announcing) -> None:
    async with background(announcing.announcer.run()):
        announcing.run(1)
        await announcing.until_heard(1)

        for version in range(2, 102):
            announcing.run(version)
        await announcing.until_heard(101)

    assert [state.config_version for state in announcing.heard] == [1, 101]


async def test_without_a_change_it_is_announced_again(announcing: Announcing) -> None:
    announcing.version = 7
    async with background(announcing.announcer.run()):

        async def twice() -> bool:
            return len(announcing.heard) == 2

        await eventually(twice, timeout_s=ANNOUNCE_EVERY_S + 5)

    first, second = announcing.heard
    assert (second.at - first.at).total_seconds() == pytest.approx(ANNOUNCE_EVERY_S, abs=2)


async def own_queue(place: Place, role: str) -> tuple[AbstractChannel, str]:
    channel = (await place.sender(role)).channel
    name = broadcast_name(f"{role}.1")
    await channel.declare_queue(name, exclusive=True, auto_delete=True)
    return channel, name


@pytest.mark.parametrize(
    ("role", "key"),
    [
        ("config-service", KEY_SIZING_DECIDED),
        ("config-service", "#"),
        ("config-service", "worker.*"),
        ("sizing-worker", KEY_WORKER_STATE),
        ("sizing-worker", KEY_SIZING_DECIDED),
    ],
)
async def test_the_broker_refuses_to_let_a_service_hear_what_is_not_its_own(place: Place, role: str, key: str) -> None:
    channel, name = await own_queue(place, role)
    queue = await channel.get_queue(name, ensure=False)

    with pytest.raises(ChannelAccessRefused):
        await queue.bind(EVENTS, key)
