"""`lotwise doctor`: what is wrong is named."""

from __future__ import annotations

import asyncio
import json

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from dev.stack.workspace import ROLE_CONNECTIONS, Workspace
from shared.cli.__main__ import app
from shared.messaging.topology import SIZING, WORK_QUEUES
from tests.integration.cli.parking import Bench


async def statuses(bench: Bench, workspace: Workspace) -> dict[str, str]:
    """The status of each check."""
    env = {
        **bench.settings,
        "LOTWISE_RABBITMQ_API_URL": workspace.rabbitmq_api_url,
        "LOTWISE_DATABASE_ROLE_PREFIX": workspace.name,
        "LOTWISE_DATABASE_ROLE_CONNECTIONS": str(ROLE_CONNECTIONS),
    }
    result = await asyncio.to_thread(CliRunner().invoke, app, ["doctor", "--json"], env=env)
    return {one["check"]: one["status"] for one in json.loads(result.stdout)}


async def test_with_nobody_at_work_the_workers_alone_are_named(bench: Bench, session_workspace: Workspace) -> None:
    found = await statuses(bench, session_workspace)

    assert {check for check, status in found.items() if status != "ok"} == {
        f"workers of {queue.name}" for queue in WORK_QUEUES
    }


async def test_parked_messages_a_missing_binding_and_a_missing_grant_are_named(
    bench: Bench, session_workspace: Workspace, database: AsyncEngine
) -> None:
    await bench.park(b"{}", name="sizing.request.v1")
    channel = await bench.place.operator()
    await (await channel.get_queue(SIZING, ensure=False)).unbind(SIZING, "sizing.request")
    async with database.begin() as connection:
        await connection.execute(text(f'REVOKE INSERT ON decisions FROM "{session_workspace.name}_sizing_worker"'))

    found = await statuses(bench, session_workspace)

    assert (found["topology"], found["roles and grants"]) == ("fail", "fail")
    assert found[f"parked of {SIZING}"] == "warn"
