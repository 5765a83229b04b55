"""The live stream of two replicas: the same versions in the same order, whichever one a client is connected to."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from dev.stack.processes import ServiceProcess
from shared.tokens import Role, TokenSettings, issue_token
from tests.e2e.conftest import JWT_SECRET, Launch

CONFIG = "/api/v1/risk/config"
CHANGES = 50
CROWD = 1100
"""More than the connections that a port takes beside its WebSockets."""
CROWD_AT_ONCE = 25
FRAME_TIMEOUT_S = 60.0


def token(role: Role) -> str:
    return issue_token(TokenSettings(jwt_secret=JWT_SECRET), user=f"{role}-1", role=role, lifetime_s=600)


@asynccontextmanager
async def following(process: ServiceProcess) -> AsyncIterator[ClientConnection]:
    url = process.http_url.replace("http://", "ws://")
    async with connect(f"{url}{CONFIG}/stream", proxy=None, open_timeout=FRAME_TIMEOUT_S) as client:
        await client.send(json.dumps({"token": token("user")}))
        yield client


async def configuration(client: ClientConnection) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(await asyncio.wait_for(client.recv(), FRAME_TIMEOUT_S))
    return answer


async def change(process: ServiceProcess, client: httpx.AsyncClient, number: int) -> int:
    response = await client.post(
        f"{process.http_url}{CONFIG}",
        json={"new_risk_percent": f"{number % 40 + 1}"},
        headers={"Authorization": f"Bearer {token('owner')}"},
    )
    version: int = response.raise_for_status().json()["config_version"]
    return version


@pytest.fixture
def replicas(launch: Launch) -> list[ServiceProcess]:
    """Two of the config service."""
    processes = [launch("config_service"), launch("config_service")]
    for process in processes:
        process.wait_ready()
    return processes


async def test_clients_of_both_replicas_get_each_of_many_quick_changes_in_order(
    replicas: list[ServiceProcess],
) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(following(process)) for process in replicas]
        first = [await configuration(client) for client in clients]
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))

        made = await asyncio.gather(*(change(replicas[n % 2], http, n) for n in range(CHANGES)))

        got = [[await configuration(client) for _ in range(CHANGES)] for client in clients]
    begun = first[0]["config_version"]
    assert first[0] == first[1]
    assert got[0] == got[1]
    assert (
        [config["config_version"] for config in got[0]] == list(range(begun + 1, begun + CHANGES + 1)) == sorted(made)
    )


async def test_a_client_whose_replica_died_goes_on_at_the_other(replicas: list[ServiceProcess]) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        async with following(replicas[0]) as client:
            await configuration(client)
            await asyncio.to_thread(replicas[0].kill)
            with pytest.raises(ConnectionClosed):
                await configuration(client)
        version = await change(replicas[1], http, 1)

        async with following(replicas[1]) as client:
            assert (await configuration(client))["config_version"] == version
            later = await change(replicas[1], http, 2)
            assert (await configuration(client))["config_version"] == later


@pytest.mark.alone
async def test_a_service_that_is_asked_to_stop_tells_its_clients_and_does_not_wait_for_them(launch: Launch) -> None:
    process = launch("config_service")
    await asyncio.to_thread(process.wait_ready)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(following(process)) for _ in range(10)]
        for client in clients:
            await configuration(client)
        started = time.monotonic()

        went_by_itself = await asyncio.to_thread(process.terminate)

        assert (went_by_itself, process.exit_code) == (True, 0)
        assert time.monotonic() - started < 6
        for client in clients:
            with pytest.raises(ConnectionClosed) as closed:
                await configuration(client)
            assert closed.value.rcvd
            assert closed.value.rcvd.code == 1012
    ended = [json.loads(line) for line in process.log.read_text().splitlines() if "stream.closed" in line]
    assert {(line["how"], line["user"]) for line in ended} == {("stopped", "user-1")}
    assert len(ended) == 10


async def test_a_crowd_of_clients_all_get_a_change_and_leave_room_for_requests(launch: Launch) -> None:
    process = launch("config_service", LOTWISE_STREAM_CLIENTS_MAX=str(CROWD))
    await asyncio.to_thread(process.wait_ready)
    async with AsyncExitStack() as stack:
        clients: list[ClientConnection] = []
        while len(clients) < CROWD:
            coming = [stack.enter_async_context(following(process)) for _ in range(CROWD_AT_ONCE)]
            clients += await asyncio.gather(*coming)
        await asyncio.gather(*map(configuration, clients))
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))

        version = await change(process, http, 1)

        got = await asyncio.gather(*map(configuration, clients))
        assert {config["config_version"] for config in got} == {version}
