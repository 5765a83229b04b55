"""People are told of a change by one of two config services, and no answer waits for it."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import httpx
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from dev.stack.processes import ServiceProcess
from dev.waiting import eventually
from shared.service import EXIT_DEPLOYMENT
from shared.tokens import TokenSettings, issue_token
from tests.e2e.conftest import JWT_SECRET, Launch
from tests.integration.notifying.webhook import SECRET, webhook

ON_DUTY = "lotwise_notices_on_duty 1.0"
TOLD = text("SELECT config_version FROM notices_told")


async def turn(process: ServiceProcess, percent: str) -> None:
    """Turn the dial at one replica."""
    tokens = TokenSettings(jwt_secret=SecretStr(JWT_SECRET))
    headers = {"Authorization": f"Bearer {issue_token(tokens, user='owner-1', role='owner', lifetime_s=600)}"}
    async with httpx.AsyncClient(base_url=process.http_url, headers=headers, trust_env=False) as client:
        answer = (await client.post("/api/v1/risk/config", json={"new_risk_percent": percent})).raise_for_status()
    assert Decimal(answer.json()["new_risk_percent"]) == Decimal(percent)


async def is_on_duty(process: ServiceProcess) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        return ON_DUTY in (await client.get(f"{process.admin_url}/metrics")).text


async def told_up_to(database: AsyncEngine, version: int) -> None:
    """Return once it is written down that people were told of a version: whoever takes over begins there."""

    async def look() -> bool:
        async with database.connect() as connection:
            return bool((await connection.execute(TOLD)).scalar_one() == version)

    await eventually(look)


async def test_one_of_two_replicas_tells_of_a_change_the_other_takes_over_and_nobody_waits_for_it(
    launch: Launch, database: AsyncEngine
) -> None:
    async with webhook() as hook:
        hook.patience_s = 30

        async def is_asked() -> bool:
            return hook.asked == 1

        replicas = [launch("config_service", LOTWISE_NOTIFY_URLS=hook.url) for _ in range(2)]
        for process in replicas:
            await asyncio.to_thread(process.wait_ready)

        async def duties() -> list[ServiceProcess]:
            return [process for process in replicas if process.is_running() and await is_on_duty(process)]

        (first,) = await eventually(duties)
        (other,) = [process for process in replicas if process is not first]
        hook.gate.clear()
        await turn(other, "2.9")
        await eventually(is_asked)
        await turn(first, "2.5")
        assert hook.messages == []  # the first message hangs still, and the change was answered
        hook.gate.set()
        await told_up_to(database, 3)
        await asyncio.to_thread(first.kill)
        await eventually(duties)
        await turn(other, "2")

        assert await hook.until(3) == [
            "Lotwise: Risk percent 3 % → 2.9 %",
            "Lotwise: Risk percent 2.9 % → 2.5 %",
            "Lotwise: Risk percent 2.5 % → 2 %",
        ]
    assert all(SECRET not in process.log.read_text() for process in replicas)


async def test_a_bad_token_stops_the_service_and_nothing_of_its_url_is_logged(launch: Launch) -> None:
    token, chat = "7123456789-AAHnot-a-token-of-telegrams", "-1009876543210"
    url = f"tgram://{token}/{chat}"
    process = launch("config_service", LOTWISE_NOTIFY_URLS=url, LOTWISE_LOG_LEVEL="debug")

    async def has_ended() -> bool:
        return not process.is_running()

    await eventually(has_ended, timeout_s=30)
    said = process.log.read_text()
    assert process.exit_code == EXIT_DEPLOYMENT
    assert "LOTWISE_NOTIFY_URLS: number 1 is no URL that apprise can use" in said
    assert not [part for part in ("tgram", token, chat) if part in said]
