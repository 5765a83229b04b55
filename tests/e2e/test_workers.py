"""Who runs which version: real processes announce it, the config service shows it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import aio_pika
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from dev.stack.processes import ServiceProcess
from dev.stack.workspace import VirtualHost
from dev.waiting import eventually
from shared.messaging.topology import CONFIG_CHANGED
from shared.tokens import Role, TokenSettings, issue_token
from tests.e2e.conftest import JWT_SECRET, Launch

WORKERS = "/api/v1/workers"
CONFIRMED_WITHIN_S = 2.0
"""For a change that is broadcast, on a machine that does other things too."""
RECONCILE_S = 3
MISSING_WITHIN_S = 45.0
"""Thirty seconds of silence, and what the last announcement was old."""


def bearer(role: Role = "owner", user: str = "owner-1") -> dict[str, str]:
    token = issue_token(TokenSettings(jwt_secret=JWT_SECRET), user=user, role=role, lifetime_s=600)
    return {"Authorization": f"Bearer {token}"}


class Service:
    """A config_service, and what it says over HTTP."""

    def __init__(self, process: ServiceProcess, client: httpx.Client) -> None:
        self.process = process
        self._client = client

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self._client.get(f"{self.process.http_url}{path}", headers=headers or bearer("user", "u-1"))

    def change(self, percent: str) -> int:
        """Turn the dial; the version that this made."""
        url = f"{self.process.http_url}/api/v1/risk/config"
        response = self._client.post(url, json={"new_risk_percent": percent}, headers=bearer())
        version: int = response.raise_for_status().json()["config_version"]
        return version

    def metric(self, name: str, **labels: str) -> float:
        text = self._client.get(f"{self.process.admin_url}/metrics").text
        (value,) = [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and sample.labels == labels
        ]
        return value

    async def workers(self, *, within_s: float, **states: list[str]) -> dict[str, Any]:
        """The answer, as soon as the workers of each service are in these states."""

        async def look() -> dict[str, Any] | None:
            answer: dict[str, Any] = self.get(WORKERS).raise_for_status().json()
            found = {
                service: sorted(one["state"] for one in answer["workers"] if one["service"] == service)
                for service in states
            }
            return answer if found == states else None

        answer = await eventually(look, timeout_s=within_s)
        assert answer
        return answer


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    """One for all looks: making it takes longer than a look."""
    with httpx.Client(trust_env=False) as made:
        yield made


@pytest.fixture
def started(launch: Launch, client: httpx.Client) -> tuple[Service, list[ServiceProcess]]:
    """A config_service and two sizing workers; the second looks into the database only every ten minutes."""
    config = launch("config_service")
    workers = [
        launch("sizing_worker", LOTWISE_RECONCILE_SECONDS=str(RECONCILE_S)),
        launch("sizing_worker", LOTWISE_RECONCILE_SECONDS="600"),
    ]
    for process in (config, *workers):
        process.wait_ready()
    return Service(config, client), workers


@pytest.mark.alone
async def test_every_process_confirms_a_change(started: tuple[Service, list[ServiceProcess]]) -> None:
    service, _ = started
    before = await service.workers(within_s=15, sizing_worker=["current", "current"], config_service=["current"])

    version = service.change("2.5")

    after = await service.workers(
        within_s=CONFIRMED_WITHIN_S, sizing_worker=["current", "current"], config_service=["current"]
    )
    assert (before["config_version"], after["config_version"]) == (version - 1, version)
    assert {one["config_version"] for one in after["workers"]} == {version}
    assert all(one["confirmed_at"] <= one["announced_at"] for one in after["workers"])
    assert {one["instance"] for one in before["workers"]} == {one["instance"] for one in after["workers"]}
    assert service.metric("lotwise_workers_config_version_min") == version
    assert service.metric("lotwise_workers", service="sizing_worker", state="current") == 2


async def test_a_worker_that_is_not_heard_is_missing(started: tuple[Service, list[ServiceProcess]]) -> None:
    service, (stopped, _) = started
    await service.workers(within_s=15, sizing_worker=["current", "current"])

    stopped.send(signal.SIGSTOP)
    try:
        version = service.change("2.5")
        answer = await service.workers(within_s=MISSING_WITHIN_S, sizing_worker=["current", "missing"])
    finally:
        stopped.send(signal.SIGCONT)

    (missing,) = [one for one in answer["workers"] if one["state"] == "missing"]
    assert (missing["config_version"], missing["confirmed_at"]) == (version - 1, None)
    assert service.metric("lotwise_workers", service="sizing_worker", state="missing") == 1
    assert service.metric("lotwise_workers_config_version_min") == version
    await service.workers(within_s=MISSING_WITHIN_S, sizing_worker=["current", "current"])


async def lose_bindings(virtual_host: VirtualHost) -> None:
    """Nobody hears a broadcast any more, and no connection says so."""
    async with await aio_pika.connect(virtual_host.amqp_url) as operator:
        channel = await operator.channel()
        await channel.exchange_delete(CONFIG_CHANGED)
        await channel.declare_exchange(CONFIG_CHANGED, "fanout", durable=True)


@pytest.mark.alone
async def test_a_worker_that_no_broadcast_reaches_is_behind_until_it_looks_into_the_database(
    started: tuple[Service, list[ServiceProcess]], virtual_host: VirtualHost
) -> None:
    service, (looks_often, cut) = started
    await service.workers(within_s=15, sizing_worker=["current", "current"])
    await lose_bindings(virtual_host)

    version = service.change("2.5")

    answer = await service.workers(within_s=RECONCILE_S + CONFIRMED_WITHIN_S, sizing_worker=["behind", "current"])
    by_state = {one["state"]: one for one in answer["workers"] if one["service"] == "sizing_worker"}
    assert f".{cut.pid}." in by_state["behind"]["instance"]
    assert (by_state["behind"]["config_version"], by_state["behind"]["confirmed_at"]) == (version - 1, None)
    assert f".{looks_often.pid}." in by_state["current"]["instance"]
    assert service.metric("lotwise_workers_config_version_min") == version - 1
    assert service.metric("lotwise_workers", service="sizing_worker", state="behind") == 1


async def test_what_workers_run_is_told_to_those_who_are_signed_in_only(launch: Launch, client: httpx.Client) -> None:
    service = Service(launch("config_service"), client)
    await asyncio.to_thread(service.process.wait_ready)

    assert service.get(WORKERS, Accept="*/*").status_code == 401
    assert service.get(WORKERS, **bearer("user", "u-1")).status_code == 200
