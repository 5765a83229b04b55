"""The logs of whole services, at their most talkative, searched for every secret that went in."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from dev.stack.processes import Service, ServiceProcess
from dev.stack.workspace import VirtualHost, Workspace
from dev.waiting import eventually
from shared.client.config import ConfigClient
from shared.client.sizing import SizingClient
from shared.client.snapshots import SnapshotPublisher
from shared.production import is_weak
from shared.tokens import Role, TokenSettings, issue_token
from tests import builders
from tests.e2e.conftest import JWT_SECRET, Launch
from tests.e2e.test_start import until_ready, with_password

CONFIG = "/api/v1/risk/config"
LOGIN = 4_000_001
ALL: tuple[Service, ...] = ("sync_consumer", "sizing_worker", "config_service")
WAIT_S = 40


def token(role: Role, *, secret: str = JWT_SECRET, lifetime_s: int = 600) -> str:
    return issue_token(TokenSettings(jwt_secret=SecretStr(secret)), user="owner-1", role=role, lifetime_s=lifetime_s)


def passwords(*urls: str) -> set[str]:
    """Those that can be told from an ordinary word, which servers that are given may have."""
    return {found for url in urls if (found := urlsplit(url).password) and not is_weak(found)}


def parts_of(tokens: Iterable[str]) -> set[str]:
    """Each whole, and its payload and signature alone: either would be half of it."""
    return {part for each in tokens for part in (each, *each.split(".")[1:])}


async def talk_by_http(url: str, tokens: dict[str, str]) -> list[int]:
    """Ask and turn with every token, in the header and where no token belongs; the statuses of the turns."""
    statuses = []
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        for each in tokens.values():
            headers = {"Authorization": f"Bearer {each}"}
            await client.get(CONFIG, headers=headers)
            await client.get(f"{CONFIG}/history", headers=headers, params={"access_token": each, "limit": "none"})
            await client.get(f"/api/v1/{each}", headers=headers)
            await client.get(f"/{each}", headers={"Authorization": each})
            turned = await client.post(CONFIG, headers=headers, json={"new_risk_percent": "2.5", "reason": "test"})
            statuses.append(turned.status_code)
    return statuses


async def talk_by_message(virtual_host: VirtualHost, tokens: dict[str, str]) -> list[str]:
    """Turn the dial with every token, and have a setup sized; what became of the commands."""
    statuses: list[str] = []
    for each in tokens.values():
        async with ConfigClient(virtual_host.role_urls["owner"], token=each) as owner:
            statuses.append((await owner.set_risk_percent(Decimal(2), reason="test")).status)
    async with SnapshotPublisher(virtual_host.role_urls["ea-bridge"]) as bridge:
        await bridge.publish(builders.snapshot(user_id="u-1", login=LOGIN))
    async with SizingClient(virtual_host.role_urls["signal-engine"]) as engine:
        await engine.size(builders.request(user_id="u-1"), timeout_s=WAIT_S)
    return statuses


async def until_ended(process: ServiceProcess) -> None:
    async def ended() -> bool:
        return process.exit_code is not None

    await eventually(ended, timeout_s=WAIT_S)
    assert process.exit_code == 78


def found_in(logs: Path, hidden: Iterable[str]) -> list[tuple[str, str]]:
    """Each file and secret that stands in it."""
    return [(file.name, secret) for file in logs.iterdir() for secret in hidden if secret in file.read_text()]


def told_in(logs: Path, variable: str) -> bool:
    """Whether a refusal names the variable."""
    return any("service.cannot_run" in log and f"{variable}: " in log for log in map(Path.read_text, logs.iterdir()))


async def test_no_secret_password_or_token_stands_in_the_log_of_a_service_that_runs(
    launch: Launch, session_workspace: Workspace, virtual_host: VirtualHost, tmp_path: Path
) -> None:
    previous = secrets.token_hex(32)
    tokens = {
        "owner": token("owner"),
        "of the secret before": token("owner", secret=previous),
        "user": token("user"),
        "ended": token("owner", lifetime_s=-1),
        "forged": token("owner", secret=secrets.token_hex(32)),
    }
    running = [launch(each, LOTWISE_LOG_LEVEL="debug", LOTWISE_JWT_SECRET_PREVIOUS=previous) for each in ALL]
    for process in running:
        await until_ready(process)

    assert await talk_by_http(running[-1].http_url, tokens) == [200, 200, 403, 401, 401]
    assert await talk_by_message(virtual_host, tokens) == ["applied", "applied", "rejected", "rejected", "rejected"]
    for process in running:
        await asyncio.to_thread(process.terminate)

    talk = (tmp_path / f"{running[-1].name}.log").read_text()
    assert all(event in talk for event in ("http.answered", "token.refused", "service.stopped"))
    own = [session_workspace.service_url(each) for each in ALL]
    urls = (session_workspace.database_url, *own, virtual_host.amqp_url, *virtual_host.role_urls.values())
    assert found_in(tmp_path, passwords(*urls) | {JWT_SECRET, previous} | parts_of(tokens.values())) == []


@pytest.mark.parametrize(
    ("service", "environment", "variables"),
    [
        ("sync_consumer", "development", ["LOTWISE_DATABASE_URL"]),
        ("sizing_worker", "development", ["LOTWISE_AMQP_URL"]),
        ("config_service", "development", ["LOTWISE_JWT_SECRET"]),
        ("sync_consumer", "production", ["LOTWISE_DATABASE_URL", "LOTWISE_AMQP_URL"]),
    ],
)
async def test_no_secret_stands_in_the_log_of_a_service_that_is_refused(
    launch: Launch,
    virtual_host: VirtualHost,
    database_url: str,
    tmp_path: Path,
    service: Service,
    environment: str,
    variables: list[str],
) -> None:
    wrong = f"never-{secrets.token_hex(4)}"  # not the server's, and short enough for every other refusal
    given = {
        "LOTWISE_DATABASE_URL": with_password(database_url, wrong),
        "LOTWISE_AMQP_URL": with_password(virtual_host.amqp_url, wrong),
        "LOTWISE_JWT_SECRET": wrong,
    }

    await until_ended(launch(service, LOTWISE_ENVIRONMENT=environment, **{name: given[name] for name in variables}))

    assert all(told_in(tmp_path, name) for name in variables)
    assert found_in(tmp_path, {wrong, JWT_SECRET} | passwords(database_url)) == []


async def test_a_secret_from_a_file_serves_a_service_and_does_not_stand_in_its_log(
    launch: Launch, virtual_host: VirtualHost, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    file = tmp_path_factory.mktemp("secrets") / "amqp-url"
    file.write_text(f"{virtual_host.role_urls['sync-consumer']}\n")

    process = launch("sync_consumer", LOTWISE_AMQP_URL="", LOTWISE_AMQP_URL_FILE=str(file))

    await until_ready(process)
    assert await asyncio.to_thread(process.terminate)
    assert found_in(tmp_path, passwords(virtual_host.role_urls["sync-consumer"])) == []
