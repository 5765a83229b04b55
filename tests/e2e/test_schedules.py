"""Planned changes by real processes: due within a second, once, whoever of three replicas lives to see it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import aio_pika
import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from dev.stack.processes import ServiceProcess
from dev.stack.workspace import VirtualHost
from dev.waiting import eventually
from shared.messaging.topology import EVENTS, KEY_SCHEDULE_ENDED
from shared.schemas.config import Schedule
from shared.tokens import TokenSettings, issue_token
from tests.e2e.conftest import JWT_SECRET, Launch

SCHEDULES = "/api/v1/risk/config/schedules"
APPLIED = text("""
    SELECT schedule.schedule_id, history.updated_at - schedule.effective_at AS late, history.fixed_risk_percent
    FROM risk_configuration_schedules AS schedule
    JOIN risk_configuration_schedule_ends AS ended USING (schedule_id)
    JOIN risk_configuration_history AS history ON history.config_version = ended.config_version
    WHERE ended.state = 'applied' ORDER BY history.config_version
""")
VERSIONS = text("SELECT config_version FROM risk_configuration_history ORDER BY 1")


def bearer() -> dict[str, str]:
    tokens = TokenSettings(jwt_secret=SecretStr(JWT_SECRET))
    return {"Authorization": f"Bearer {issue_token(tokens, user='owner-1', role='owner', lifetime_s=600)}"}


async def plan(process: ServiceProcess, *, ahead_s: float, percent: str = "1.5") -> dict[str, Any]:
    """Plan a change at one replica."""
    effective_at = (datetime.now(UTC) + timedelta(seconds=ahead_s)).isoformat()
    async with httpx.AsyncClient(base_url=process.http_url, headers=bearer(), trust_env=False) as client:
        response = await client.post(SCHEDULES, json={"new_risk_percent": percent, "effective_at": effective_at})
    assert response.status_code == 201, response.text
    planned: dict[str, Any] = response.json()
    return planned


async def listed(process: ServiceProcess, schedule_id: str) -> dict[str, Any]:
    """What a replica says of a schedule."""
    async with httpx.AsyncClient(base_url=process.http_url, headers=bearer(), trust_env=False) as client:
        items = (await client.get(SCHEDULES)).json()["items"]
    (found,) = [item for item in items if item["schedule_id"] == schedule_id]
    return dict(found)


async def applied(database: AsyncEngine) -> list[Row[Any]]:
    async with database.connect() as connection:
        return list((await connection.execute(APPLIED)).all())


async def versions(database: AsyncEngine) -> list[int]:
    async with database.connect() as connection:
        return list((await connection.execute(VERSIONS)).scalars())


@pytest.fixture
async def replicas(launch: Launch) -> list[ServiceProcess]:
    """Three config services."""
    started = [launch("config_service") for _ in range(3)]
    for process in started:
        await asyncio.to_thread(process.wait_ready)
    return started


@pytest.mark.alone
async def test_changes_are_applied_once_within_a_second_of_their_time_though_a_replica_dies(
    replicas: list[ServiceProcess], database: AsyncEngine, virtual_host: VirtualHost
) -> None:
    connection = await aio_pika.connect(virtual_host.amqp_url)
    async with connection:
        channel = await connection.channel()
        events = await channel.declare_queue(exclusive=True)
        await events.bind(EVENTS, KEY_SCHEDULE_ENDED)
        planned = [await plan(replicas[n % 3], ahead_s=3 + n / 4, percent=f"1.{n}") for n in range(6)]
        replicas[0].kill()

        async def all_applied() -> bool:
            return len(await applied(database)) == 6

        await eventually(all_applied, timeout_s=20)
        announced = [await events.get(timeout=5) for _ in range(6)]

    rows = await applied(database)
    assert [str(row.schedule_id) for row in rows] == [one["schedule_id"] for one in planned]
    assert all(timedelta(0) <= row.late < timedelta(seconds=1) for row in rows), [row.late for row in rows]
    assert await versions(database) == list(range(1, 8))
    told = {str(Schedule.model_validate_json(event.body).schedule_id) for event in announced}
    assert told == {one["schedule_id"] for one in planned}


async def test_a_change_that_was_due_while_nobody_ran_is_applied_at_the_start_or_missed(
    launch: Launch, database: AsyncEngine
) -> None:
    first = launch("config_service")
    await asyncio.to_thread(first.wait_ready)
    long_due = await plan(first, ahead_s=2)
    first.kill()
    due = datetime.fromisoformat(long_due["effective_at"])

    async def is_late() -> bool:
        return datetime.now(UTC) > due + timedelta(seconds=1)

    await eventually(is_late)
    strict = launch("config_service", LOTWISE_SCHEDULE_GRACE_SECONDS="0.5")
    await asyncio.to_thread(strict.wait_ready)

    async def ended() -> str:
        state: str = (await listed(strict, long_due["schedule_id"]))["state"]
        return "" if state == "planned" else state

    assert await eventually(ended) == "missed"
    assert await versions(database) == [1]

    recent = await plan(strict, ahead_s=2)
    strict.kill()
    patient = launch("config_service")
    await asyncio.to_thread(patient.wait_ready)

    async def applied_at_start() -> bool:
        return bool((await listed(patient, recent["schedule_id"]))["state"] == "applied")

    await eventually(applied_at_start)
    assert await versions(database) == [1, 2]
