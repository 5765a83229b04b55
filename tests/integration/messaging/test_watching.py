"""Who may hear the events, and that a listener survives the loss of its connection."""

from __future__ import annotations

import asyncio

import pytest

from dev.waiting import eventually
from shared.errors import DeploymentError
from shared.messaging.topology import EVENTS, KEY_WORKER_STATE, ROLES
from shared.messaging.watching import Event, EventListener
from tests.integration.messaging.faults import Operator
from tests.integration.messaging.place import Place, background, settings

RUNS = {"instance": "sizing_worker.a", "service": "sizing_worker", "config_version": 7, "at": "2026-11-22T14:00:00Z"}


@pytest.mark.parametrize("role", [role.name for role in ROLES])
async def test_no_role_may_hear_them_all(place: Place, role: str) -> None:
    listener = EventListener(settings(place.url(role)), hear=lambda _: None, connected=lambda: None)

    with pytest.raises(DeploymentError, match=rf"user '{place.user(role)}' may not hear the events"):
        await asyncio.wait_for(listener.run(), 10)


async def test_after_a_lost_connection_it_listens_again(place: Place, operator: Operator) -> None:
    heard: list[Event] = []
    connections: list[bool] = []
    listener = EventListener(
        settings(place.virtual_host.amqp_url), hear=heard.append, connected=lambda: connections.append(True)
    )
    sender = await place.sender("sizing-worker")

    async def listened(times: int) -> bool:
        return len(connections) == times

    async def heard_it() -> bool:
        await sender.send(RUNS, exchange=EVENTS, key=KEY_WORKER_STATE, name="worker.state.v1")
        return bool(heard)

    async with background(listener.run()):
        await eventually(lambda: listened(1))
        await operator.close_connection("lotwise watch")
        await eventually(lambda: listened(2))
        await eventually(heard_it)
