"""Services behind a proxy, and what they tell of the time since it did something to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from dev.stack.processes import ROLE_OF, ServiceProcess
from dev.waiting import eventually
from tests.faults.counts import Asked
from tests.faults.network import SlowNetwork
from tests.faults.system import REPLICAS, System, told
from tests.faults.traffic import Traffic
from tests.proxy import Proxy

BACK_WITHIN_S = 10.0
BACK_AFTER_MANY_CUTS_S = 20.0
"""Where every attempt to connect failed for a while, so that the next is seconds away."""
MARGIN_S = 2.0
"""For two busy processors."""


async def launch_behind(
    system: System, *, broker: Proxy | None = None, database: Proxy | None = None, **settings: str
) -> None:
    """Start the usual services, with the broker or the database behind a proxy, and wait until all are ready."""
    started: list[ServiceProcess] = []
    for service in [service for service, replicas in REPLICAS.items() for _ in range(replicas)]:
        own = dict(settings)
        if broker:
            own["LOTWISE_AMQP_URL"] = broker.stand_for(system.workspace.virtual_host.role_urls[ROLE_OF[service]])
        if database:
            own["LOTWISE_DATABASE_URL"] = database.stand_for(system.workspace.service_url(service))
        started.append(system.launch(service, **own))
    for process in started:
        await asyncio.to_thread(process.wait_ready)


def entries(system: System, event: str, *, since: datetime) -> list[dict[str, Any]]:
    """What all processes logged of an event since then."""
    told_by_all = [entry for process in system.services for entry in told(process, event)]
    return [entry for entry in told_by_all if datetime.fromisoformat(entry["timestamp"]) >= since]


def redelivered(system: System, *, since: datetime) -> list[dict[str, Any]]:
    """What was settled since then, and had been delivered before."""
    return [entry for entry in entries(system, "message.settled", since=since) if entry["redelivered"]]


async def until(condition: Callable[[], bool], *, timeout_s: float) -> None:
    """Return once it is so."""

    async def look() -> bool:
        return condition()

    await eventually(look, timeout_s=timeout_s)


async def answered_while_slow(network: SlowNetwork, traffic: Traffic, *, seconds: float) -> list[Asked]:
    """The requests that were asked while the network was slow for so long, and answered by the end of that."""
    first = len(traffic.requests)
    network.slow = True
    await asyncio.sleep(seconds)  # the length of the fault
    network.slow = False
    return [one for one in traffic.requests[first:] if one.replies]
