"""Whether everything has come to rest once all is healed: nothing waits, nothing is held, nothing is in use."""

from __future__ import annotations

import asyncio
import re

import httpx

from dev.stack.processes import ServiceProcess
from dev.waiting import eventually
from shared.messaging.topology import RETRY_QUEUES, WORK_QUEUES
from tests.faults.system import System

TOLD_WITHIN_S = 2.0
"""Every queue has told by then how much it holds; before, its word may be older than what just happened."""
AT_REST_WITHIN_S = 15.0
QUEUES = {queue.name for queue in (*WORK_QUEUES, *RETRY_QUEUES)}
HELD = re.compile(r'^rabbitmq_detailed_queue_messages\{vhost="([^"]+)",queue="([^"]+)"\} (\d+)', re.MULTILINE)
"""Those that wait, and those that somebody took and has not acknowledged."""
IN_USE = re.compile(r"^lotwise_database_pool_in_use\{[^}]*\} ([0-9.]+)", re.MULTILINE)


async def until_at_rest(system: System) -> None:
    """Return once no message waits or is held, and every database connection is back in its pool.

    What is parked is at rest. AssertionError tells what is not.
    """
    busy: dict[str, float] = {}

    async def look() -> bool:
        busy.clear()
        busy.update(await messages_held(system))
        for process in system.services:
            if process.is_running():
                busy.update(await _connections(process))
        return not busy

    await asyncio.sleep(TOLD_WITHIN_S)  # for a word that is not outdated
    try:
        await eventually(look, timeout_s=AT_REST_WITHIN_S)
    except AssertionError:
        raise AssertionError(f"not at rest: {busy}") from None


async def messages_held(system: System) -> dict[str, float]:
    """How many messages each queue holds, of those that hold any; in a cluster, of those that this node leads."""
    name = system.workspace.virtual_host.name
    page = await _read(f"{system.broker.metrics_url}/metrics/detailed?family=queue_coarse_metrics")
    held = {queue: float(messages) for vhost, queue, messages in HELD.findall(page) if vhost == name}
    return {queue: messages for queue, messages in held.items() if queue in QUEUES and messages}


async def _connections(process: ServiceProcess) -> dict[str, float]:
    in_use = sum(float(number) for number in IN_USE.findall(await _read(f"{process.admin_url}/metrics")))
    return {f"connections of {process.name}": in_use} if in_use else {}


async def _read(url: str) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(url)).raise_for_status().text
