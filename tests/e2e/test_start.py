"""Starting: what waiting cannot mend ends the process with one clear line; what it can is waited for."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import aio_pika
import pytest

from dev.stack.processes import Service, ServiceProcess
from dev.stack.workspace import VirtualHost, Workspace
from dev.waiting import eventually
from tests.e2e.conftest import Launch
from tests.e2e.proxy import LateServer

SERVICES: list[Service] = ["sync_consumer", "sizing_worker", "config_service"]
EXIT_TIMEOUT_S = 40
DEPLOYMENT = 78


def lines(process: ServiceProcess) -> list[dict[str, Any]]:
    """What it has written to standard output and error; every line is JSON."""
    return [json.loads(line) for line in process.log.read_text().splitlines()]


async def refusal(process: ServiceProcess) -> str:
    """How the process explains its end, in its one line of an error."""

    async def ended() -> bool:
        return process.exit_code is not None

    await eventually(ended, timeout_s=EXIT_TIMEOUT_S)
    assert process.exit_code == DEPLOYMENT
    (line,) = [line for line in lines(process) if line["level"] in ("error", "critical")]
    assert line["event"] == "service.cannot_run"
    cause: str = line["cause"]
    assert "\n" not in cause
    return cause


def with_password(url: str, password: str) -> str:
    head, _, place = url.rpartition("@")
    return f"{head.rpartition(':')[0]}:{password}@{place}"


@pytest.mark.parametrize("service", SERVICES)
async def test_missing_and_wrong_settings_are_all_named(launch: Launch, service: Service) -> None:
    process = launch(service, LOTWISE_AMQP_URL="", LOTWISE_DATABASE_URL="http://no", LOTWISE_BATCH_MAX="many")

    cause = await refusal(process)

    assert "LOTWISE_AMQP_URL: is not set" in cause
    assert "LOTWISE_DATABASE_URL: must be a URL that starts with postgresql://" in cause
    assert "LOTWISE_BATCH_MAX: " in cause


async def test_a_wrong_password_of_the_broker_is_told_and_not_shown(launch: Launch, virtual_host: VirtualHost) -> None:
    wrong = with_password(virtual_host.role_urls["sync-consumer"], "not-this-one")

    process = launch("sync_consumer", LOTWISE_AMQP_URL=wrong)

    assert (await refusal(process)).startswith("LOTWISE_AMQP_URL: the broker refuses user 'sync-consumer")
    assert "not-this-one" not in process.log.read_text()


async def test_a_wrong_password_of_the_database_is_told_and_not_shown(launch: Launch, database_url: str) -> None:
    process = launch("sync_consumer", LOTWISE_DATABASE_URL=with_password(database_url, "not-this-one"))

    assert (await refusal(process)).startswith("LOTWISE_DATABASE_URL: the database refuses us")
    assert "not-this-one" not in process.log.read_text()


async def test_a_missing_topology_is_named_with_what_to_do(launch: Launch, virtual_host: VirtualHost) -> None:
    async with await aio_pika.connect(virtual_host.amqp_url) as operator:
        channel = await operator.channel()
        await channel.queue_delete("lotwise.sizing")
        await channel.exchange_delete("lotwise.retry")

    process = launch("sizing_worker")

    assert await refusal(process) == (
        "the broker lacks exchange lotwise.retry, queue lotwise.sizing; run `lotwise topology` as the operator"
    )


async def test_an_unmigrated_database_is_told_with_what_to_do(launch: Launch, session_workspace: Workspace) -> None:
    with session_workspace.new_database(empty=True) as url:
        process = launch("sync_consumer", LOTWISE_DATABASE_URL=url)

        assert await refusal(process) == "the database has no tables yet; run `lotwise migrate` as the operator"


async def test_an_admin_port_that_is_taken_is_named(launch: Launch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        process = launch("sync_consumer", LOTWISE_ADMIN_PORT=str(port))

        assert (await refusal(process)).startswith(f"LOTWISE_ADMIN_PORT: cannot listen on 127.0.0.1:{port}")


async def until_waiting_for(process: ServiceProcess, what: str) -> None:
    async def look() -> bool:
        return any(line.get("waiting_for") == what for line in lines(process))

    await eventually(look, timeout_s=EXIT_TIMEOUT_S)


async def until_ready(process: ServiceProcess) -> None:
    await eventually(lambda: asyncio.to_thread(process.is_ready), timeout_s=EXIT_TIMEOUT_S)


async def test_a_broker_that_comes_late_is_waited_for(launch: Launch, virtual_host: VirtualHost) -> None:
    async with LateServer(virtual_host.role_urls["sync-consumer"]) as broker:
        process = launch("sync_consumer", LOTWISE_AMQP_URL=broker.url)
        await until_waiting_for(process, "the broker")

        await broker.open()

        await until_ready(process)
        assert await asyncio.to_thread(process.terminate)
    assert process.exit_code == 0


async def test_a_database_that_comes_late_is_waited_for(launch: Launch, database_url: str) -> None:
    async with LateServer(database_url) as database:
        process = launch("sizing_worker", LOTWISE_DATABASE_URL=database.url)
        await until_waiting_for(process, "the database")

        await database.open()

        await until_ready(process)
        assert await asyncio.to_thread(process.terminate)
    assert process.exit_code == 0


async def test_a_service_that_waits_ends_when_asked_to(launch: Launch) -> None:
    process = launch("sync_consumer", LOTWISE_DATABASE_URL="postgresql://nobody:x@127.0.0.1:1/nothing")
    await until_waiting_for(process, "the database")

    assert await asyncio.to_thread(process.terminate)
