"""A whole Lotwise for the page to show: the services as processes, accounts, decisions, a dial that was turned."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import aio_pika
import httpx
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from yarl import URL

from dev.stack.processes import ServiceProcess
from shared.client import SizingClient
from shared.database.engine import asyncpg_url
from shared.messaging.topology import KEY_SIZING_REQUEST, SIZING
from shared.schemas.sizing import SizingDecision
from shared.tokens import Role, TokenSettings, issue_token
from tests import builders
from tests.desk import Desk, ago, request
from tests.e2e.conftest import JWT_SECRET
from tests.integration.config_service.rows import make_accounts

CONFIG = "/api/v1/risk/config"
HISTORY = f"{CONFIG}/history"
SCHEDULES = f"{CONFIG}/schedules"
TURNS = (("2.5", "NFP"), ("1", "FOMC, half an hour around"), ("2", "After the press conference"))

# The dial was turned during the last days, not within one second.
SPREAD = text("""
    UPDATE risk_configuration_history
    SET updated_at = clock_timestamp() - make_interval(hours => (5 - config_version) * 30)
    WHERE config_version < 5
""")

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class House:
    """The processes that a page meets, and those who work with them meanwhile."""

    config_service: ServiceProcess
    database_url: str
    signal_engine_url: str

    @property
    def url(self) -> str:
        """Where the page is."""
        return self.config_service.http_url

    def token(self, role: Role = "owner", *, user: str | None = None, lifetime_s: int = 3600) -> str:
        """A token that the service believes."""
        settings = TokenSettings(jwt_secret=SecretStr(JWT_SECRET))
        return issue_token(settings, user=user or f"{role}-1", role=role, lifetime_s=lifetime_s)

    @contextmanager
    def dead(self) -> Iterator[None]:
        """The config_service is killed, and starts again at the end of the block."""
        self.config_service.kill()
        try:
            yield
        finally:
            self.config_service.start()
            self.config_service.wait_ready()

    def turn(self, percent: str, reason: str | None = None) -> None:
        """The owner turns the dial, somewhere else."""
        self._send("POST", CONFIG, {"new_risk_percent": percent, "reason": reason})

    def plan(self, percent: str) -> str:
        """The owner plans to turn it in two days, somewhere else; returns the schedule_id."""
        planned = self._send("POST", SCHEDULES, {"new_risk_percent": percent, "effective_at": ago(-2 * 86_400)})
        schedule_id: str = planned["schedule_id"]
        return schedule_id

    def cancel(self, schedule_id: str) -> None:
        """The owner takes back what was planned, somewhere else."""
        self._send("DELETE", f"{SCHEDULES}/{schedule_id}")

    def _send(self, method: str, path: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token()}"}
        answer = httpx.request(method, f"{self.url}{path}", json=document, headers=headers, trust_env=False)
        told: dict[str, Any] = answer.raise_for_status().json()
        return told

    def percent(self) -> str:
        """The risk percent in force."""
        percent: str = self.read(CONFIG)["fixed_risk_percent"]
        return percent

    def read(self, path: str) -> dict[str, Any]:
        """What the API answers the owner."""
        return self._send("GET", path)

    def decide(self, **fields: Any) -> UUID:
        """The signal engine asks for a setup of the desk's user; which request it was."""
        decision = self.work(lambda desk: desk.ask(**fields))
        if decision.request_id is None:
            raise AssertionError("a request that can be read has an id")
        return decision.request_id

    def size(self) -> None:
        """The signal engine asks over the broker, so that a worker has something to tell."""

        async def asking(_desk: Desk) -> None:
            async with SizingClient(self.signal_engine_url) as engine:
                await engine.size(request())

        self.work(asking)

    def spoil(self) -> None:
        """The signal engine sends what nobody can read: the worker parks it."""

        async def sending(_desk: Desk) -> None:
            async with await aio_pika.connect(self.signal_engine_url) as connection:
                sizing = await (await connection.channel()).get_exchange(SIZING, ensure=False)
                message = aio_pika.Message(b"{", type="sizing.request.v1", user_id=URL(self.signal_engine_url).user)
                await sizing.publish(message, KEY_SIZING_REQUEST)

        self.work(sending)

    def work(self, act: Callable[[Desk], Coroutine[Any, Any, ResultT]]) -> ResultT:
        """Let the desk do something. In a thread: the browser's own loop runs in this one."""

        async def working() -> ResultT:
            engine = create_async_engine(asyncpg_url(self.database_url), poolclass=NullPool)
            try:
                return await act(Desk(engine))
            finally:
                await engine.dispose()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, working()).result()

    def furnish(self) -> None:
        """Everything there is to be seen."""
        for percent, reason in TURNS:
            self.turn(percent, reason)
        self.work(_furnish)
        self.spoil()


async def _furnish(desk: Desk) -> None:
    await _spread(desk.engine)
    await desk.report()
    await desk.publish()
    await desk.report(captured_at=ago(30))
    await desk.report(user_id="somebody-else")
    await make_accounts(desk.engine, 41, user_id="u-2", first=590_338_300)
    await make_accounts(desk.engine, 2, user_id="u-3", first=70_011_200, sync_status="stale")
    await make_accounts(desk.engine, 1, user_id="u-4", first=81_500_007, sync_status="error")
    for _ in range(3):
        await _decisions(desk)


async def _decisions(desk: Desk) -> list[SizingDecision]:
    one = [builders.entry("1950.00", "1945.00", "1965.00")]
    asked = [
        request(entries=one),
        request(setup_id="setup-002"),
        request(setup_id="asia-breakout-7", instrument="EURUSD"),
        request(entries=[builders.entry("1950.00", "1949.50")], setup_id="scalp-11"),
        request(user_id="u-9"),
        request(entries=[builders.entry("1950.00", "1955.00")], setup_id="typo-1"),
    ]
    return await desk.ask_at_once(*asked)


async def _spread(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(SPREAD)
