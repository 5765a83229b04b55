"""docker-compose.yml: brought up, worked with, killed at, scaled, watched, taken down."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import httpx
import pytest

from dev.servers.ports import LOOPBACK
from dev.waiting import eventually
from shared.client import ConfigClient, SizingClient, SnapshotPublisher
from shared.schemas.sizing import SizingDecision
from tests import builders
from tests.containers.engine import Project, docker, inspect

OURS = ("setup", "sync_consumer", "sizing_worker", "config_service")
RUNNING = ("rabbitmq", "postgres", "sync_consumer", "sizing_worker", "config_service")
READY_TIMEOUT_S = 120.0
REPLY_TIMEOUT_S = 60.0
KILL_THE_SERVICE = "kill -9 $(cat /proc/1/task/1/children)"
"""The first process is the engine's `init`; the service is its only child, and runs under the same user."""


async def is_sized(project: Project, *, user_id: str = "u-1", timeout_s: float = REPLY_TIMEOUT_S) -> SizingDecision:
    """An account of 10,000.00 is reported, and half of what may be lost on it is staked on one order."""
    login = int(user_id.removeprefix("u-"))
    async with SnapshotPublisher(project.amqp_url("ea-bridge", "LOTWISE_EA_BRIDGE_PASSWORD")) as bridge:
        await bridge.publish(builders.snapshot(user_id=user_id, login=login))
    await eventually(lambda: is_known(project, login), timeout_s=REPLY_TIMEOUT_S)
    request = builders.request(user_id=user_id, instrument="EURUSD", entries=[builders.entry("1.08520", "1.08020")])
    async with SizingClient(project.amqp_url("signal-engine", "LOTWISE_SIGNAL_ENGINE_PASSWORD")) as engine:
        return await engine.size(request, timeout_s=timeout_s)


async def is_known(project: Project, login: int) -> bool:
    question = f"SELECT count(*) FROM user_mt5_accounts WHERE mt5_account_id = {login}"  # noqa: S608  # a number
    return project.compose("exec", "-T", "postgres", "psql", "-U", "lotwise", "-tAc", question) == "1"


def health_of(container: str) -> str:
    return str(inspect(container)["State"]["Health"]["Status"])


async def all_healthy(project: Project, service: str, count: int) -> bool:
    containers = project.containers(service)
    return len(containers) == count and all(health_of(one) == "healthy" for one in containers)


@pytest.mark.parametrize("service", RUNNING)
def test_it_is_up_and_says_that_it_is_ready(project: Project, service: str) -> None:
    assert [health_of(one) for one in project.containers(service)] == ["healthy"]


@pytest.mark.parametrize("service", OURS)
def test_a_container_of_ours_may_neither_write_nor_gain_rights(project: Project, service: str) -> None:
    (container,) = project.containers(service)
    closed = inspect(container)

    assert closed["Config"]["User"] == "10001:10001"
    assert closed["HostConfig"]["ReadonlyRootfs"]
    assert closed["HostConfig"]["CapDrop"] == ["ALL"]
    assert closed["HostConfig"]["SecurityOpt"] == ["no-new-privileges:true"]
    assert closed["HostConfig"]["Memory"] > 0
    assert closed["HostConfig"]["PidsLimit"] > 0


async def test_a_snapshot_and_a_request_from_this_machine_become_a_decision(project: Project) -> None:
    decision = await is_sized(project)

    assert decision.status == "approved"
    assert [position.volume for position in decision.positions] == [Decimal("0.30")]


async def test_the_owner_turns_the_dial_and_the_next_decision_obeys(project: Project) -> None:
    token = project.compose("exec", "-T", "config_service", "lotwise", "token", "--role", "owner", "--user", "owner-1")
    owner = ConfigClient(project.amqp_url("owner", "LOTWISE_OWNER_PASSWORD"), token=token)
    try:
        async with owner as client:
            assert (await client.set_risk_percent(Decimal("1.5"))).status == "applied"
        decision = await is_sized(project, user_id="u-2")
    finally:
        async with owner as client:
            await client.set_risk_percent(Decimal(3))

    assert [position.volume for position in decision.positions] == [Decimal("0.15")]


@pytest.mark.parametrize("service", ["sizing_worker", "sync_consumer", "config_service"])
async def test_a_service_that_is_killed_is_started_again_and_what_was_sent_meanwhile_is_answered(
    project: Project, service: str
) -> None:
    (container,) = project.containers(service)
    before = inspect(container)["RestartCount"]

    docker("exec", container, "sh", "-c", KILL_THE_SERVICE)
    decision = await is_sized(project, user_id="u-3")

    assert decision.status == "approved"
    await eventually(lambda: all_healthy(project, service, 1), timeout_s=READY_TIMEOUT_S)
    assert inspect(container)["RestartCount"] == before + 1


async def test_scaled_to_three_all_three_consume_and_back_to_one_one_does(project: Project) -> None:
    project.compose("up", "--detach", "--wait", "--scale", "sizing_worker=3")
    assert await consumers_of(project, "lotwise.sizing") == 3
    decisions = await asyncio.gather(*(is_sized(project, user_id=f"u-{number}") for number in range(10, 16)))
    project.compose("up", "--detach", "--wait", "--scale", "sizing_worker=1")

    assert {decision.status for decision in decisions} == {"approved"}
    await eventually(lambda: is_consumed_by(project, "lotwise.sizing", 1), timeout_s=READY_TIMEOUT_S)


async def test_prometheus_finds_every_replica_and_the_broker_by_itself(project: Project) -> None:
    project.compose("up", "--detach", "--wait", "--scale", "sizing_worker=2")

    async def look() -> bool:
        up = await jobs_up(project)
        return sorted(up) == ["config_service", "rabbitmq", "sizing_worker", "sizing_worker", "sync_consumer"]

    await eventually(look, timeout_s=READY_TIMEOUT_S)
    project.compose("up", "--detach", "--wait", "--scale", "sizing_worker=1")


async def jobs_up(project: Project) -> list[str]:
    """The job of each target that Prometheus reaches."""
    url = f"http://{LOOPBACK}:{project.settings['LOTWISE_PROMETHEUS_PORT']}/api/v1/query"
    found = await ask(url, params={"query": "up == 1"})
    return [one["metric"]["job"] for one in found["data"]["result"]]


async def is_consumed_by(project: Project, queue: str, count: int) -> bool:
    return await consumers_of(project, queue) == count


async def consumers_of(project: Project, queue: str) -> int:
    listed = project.compose(
        "exec", "-T", "rabbitmq", "rabbitmqctl", "-q", "list_consumers", "-p", "lotwise", "queue_name"
    )
    return listed.split().count(queue)


async def ask(url: str, **how: Any) -> Any:
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
        return (await client.get(url, **how)).raise_for_status().json()


async def test_the_http_api_answers_on_this_machine(project: Project) -> None:
    assert (await ask(f"{project.http_url}/api/v1/trading/health"))["status"]
