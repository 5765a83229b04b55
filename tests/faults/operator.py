"""What the operator does to a broker while it runs, and sees of the services."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterable
from urllib.parse import quote

import httpx

from dev.tree import ROOT
from dev.waiting import eventually
from tests.faults.system import System

COMMAND_TIMEOUT_S = 60
NOT_READY_TIMEOUT_S = 30


async def control(system: System, *arguments: str) -> str:
    """What the operator does with rabbitmqctl."""
    return await asyncio.to_thread(system.broker.control, *arguments)


async def until_nobody_is_ready(system: System) -> None:
    """Return once no process says that it is ready."""

    async def look() -> bool:
        return not any([await asyncio.to_thread(process.is_ready) for process in system.services])

    await eventually(look, timeout_s=NOT_READY_TIMEOUT_S)


def lotwise(system: System, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What the operator types."""
    place = {
        "LOTWISE_AMQP_URL": system.workspace.virtual_host.amqp_url,
        "LOTWISE_RABBITMQ_API_URL": system.broker.api_url,
    }
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "shared.cli", *arguments],
        check=False,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **place},
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
    )


async def declare(system: System) -> None:
    """`lotwise topology`, as the operator."""
    assert (await asyncio.to_thread(lotwise, system, "topology")).returncode == 0


async def api(system: System, method: str, path: str, **document: object) -> None:
    """One call of the management API; `{}` in the path is the virtual host."""
    where = path.format(quote(system.workspace.virtual_host.name, safe=""))
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.request(method, f"{system.broker.api_url}/api/{where}", json=document or None)
    answer.raise_for_status()


async def delete_queues(system: System, names: Iterable[str]) -> None:
    """Delete queues with what is in them."""
    for name in names:
        await api(system, "DELETE", f"queues/{{}}/{name}")
