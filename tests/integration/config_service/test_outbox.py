"""The metrics tell how long the oldest version waits for its broadcast, also while nobody can look."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from dev.stack.workspace import VirtualHost
from dev.waiting import eventually
from services.config_service.relay import Relay
from shared.messaging.publisher import Publisher
from tests.integration.config_service.dials import Dial, command
from tests.integration.messaging.place import background, settings

LONG_AGO = text("UPDATE risk_configuration_outbox SET created_at = created_at - interval '100 s'")


def told(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0


async def test_the_age_of_the_oldest_grows_until_it_is_broadcast(
    dial: Dial, own_database: AsyncEngine, emptied_database: AsyncEngine, virtual_host: VirtualHost
) -> None:
    await dial.apply(command(new_risk_percent="1"))
    await dial.apply(command(new_risk_percent="2"))
    async with emptied_database.begin() as connection:
        await connection.execute(LONG_AGO)
    publisher = Publisher(settings(virtual_host.role_urls["config-service"]), name="test")
    ages = []

    async def waits_long() -> bool:
        ages.append(told("lotwise_outbox_oldest_age_seconds"))
        return ages[-1] > 100 and ages[-1] > min(age for age in ages if age)

    async def empty() -> bool:
        return told("lotwise_outbox_oldest_age_seconds") == 0 == told("lotwise_outbox_pending")

    async with relaying(own_database, publisher):
        await eventually(waits_long)
        assert told("lotwise_outbox_pending") == 2
        async with background(publisher.run()):
            await eventually(empty)
    assert told("lotwise_risk_percent") == 2


@asynccontextmanager
async def relaying(engine: AsyncEngine, publisher: Publisher) -> AsyncIterator[None]:
    """A relay at work for the length of the block."""
    async with background(Relay(engine, publisher, wake=asyncio.Event()).run()):
        yield
