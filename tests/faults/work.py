"""One message of each kind for a service to handle, sent by people who wait until it has had its effect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from pydantic import SecretStr
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from dev.waiting import eventually
from shared.client.config import ConfigClient
from shared.client.envelope import instruments_message, outcome_message, request_message, snapshot_message
from shared.database.engine import asyncpg_url
from shared.errors import DependencyError
from shared.messaging.publisher import Outgoing, Publisher
from shared.schemas.config import AnyCommand, ConfigResult, ScheduleRiskPercent, SetRiskPercent
from shared.tokens import TokenSettings, issue_token
from tests import builders
from tests.faults.counts import Counts
from tests.faults.publishing import publishing
from tests.faults.system import SETTINGS, System
from tests.faults.traffic import Traffic, setup

ATTEMPT_S = 2.0
EFFECT_TIMEOUT_S = 60.0
IN_THE_FUTURE = timedelta(hours=1)
OBEYED = text("""
    SELECT command_id, count(*) AS effects FROM (
        SELECT command_id FROM risk_configuration_history UNION ALL SELECT command_id FROM risk_configuration_schedules
    ) AS made WHERE command_id IS NOT NULL GROUP BY command_id
""")
OUTCOMES = text("SELECT request_id, count(*) AS effects FROM sizing_outcomes GROUP BY request_id")
SPECS = text("SELECT instrument, count(*) AS effects FROM mt5_instruments GROUP BY instrument")


class Owner:
    """At the dial, and patient: the same command again until there are two results."""

    def __init__(self, client: ConfigClient) -> None:
        self._client = client
        self.results: dict[str, list[ConfigResult]] = {}

    async def turn(self) -> None:
        """Turn it a little."""
        percent = Decimal(2 + len(self.results)) / 2
        await self._send(SetRiskPercent(command_id=str(uuid4()), command="set_risk_percent", new_risk_percent=percent))

    async def plan(self) -> None:
        """Plan a change."""
        await self._send(
            ScheduleRiskPercent(
                command_id=str(uuid4()),
                command="schedule_risk_percent",
                new_risk_percent=Decimal(1),
                effective_at=datetime.now(UTC) + IN_THE_FUTURE,
            )
        )

    async def _send(self, command: AnyCommand) -> None:
        results = self.results[command.command_id] = []
        while len(results) < 2:
            try:
                results.append(await self._client.send(command, timeout_s=ATTEMPT_S))
            except DependencyError:
                continue


class Work:
    """Everybody who sends, and what must have become of what they sent."""

    def __init__(self, system: System, traffic: Traffic, owner: Owner, *, engine: Publisher, bridge: Publisher) -> None:
        self._system = system
        self._engine = engine
        self._bridge = bridge
        self.traffic = traffic
        self.owner = owner
        self.guilty: set[str] = set()
        """Ids of the messages that are parked with reason."""
        self._outcomes: set[str] = set()
        self._specs: set[str] = set()
        self._give: dict[str, Callable[[], Awaitable[None]]] = {
            "request": self._request,
            "outcome": self._outcome,
            "unreadable request": self._unreadable_request,
            "snapshot": self._snapshot,
            "instruments": self._instruments,
            "snapshot of the future": self._snapshot_of_the_future,
            "command": owner.turn,
            "planned change": owner.plan,
        }

    async def give(self, kind: str) -> None:
        """Send a message of a kind; returns once it has had its effect."""
        await self._give[kind]()

    async def counts(self) -> Counts:
        """What became of requests and snapshots, of outcomes, specs and commands, and of what was parked."""
        counts = await self._system.counts(self.traffic, guilty=self.guilty)
        results = self.owner.results
        obeyed, told, published = await self._effects(OBEYED), await self._effects(OUTCOMES), await self._effects(SPECS)
        wanted = {*results, *self._outcomes, *self._specs, *self.guilty}
        found = {**obeyed, **told, **published, **dict.fromkeys(await self._parked(), 1)}
        return replace(
            counts,
            attempted=counts.attempted + len(wanted),
            acknowledged=counts.acknowledged + len(wanted),
            ok=counts.ok + len(wanted & found.keys()),
            lost=counts.lost + len(wanted - found.keys()),
            duplicated=counts.duplicated
            + sum(effects > 1 for effects in found.values())
            + sum(one != other for one, other in results.values()),
            unexpected=counts.unexpected + len(found.keys() - wanted),
            recovered=counts.recovered + len(wanted & found.keys()),
        )

    async def _request(self) -> None:
        await self.traffic.ask(setup(1))

    async def _outcome(self) -> None:
        """Of a request that is still to come: an outcome may be early."""
        outcome = builders.outcome(uuid4(), "cancelled")
        self._outcomes.add(str(outcome.request_id))
        await self._engine.publish(outcome_message(outcome))
        await self._until(lambda: self._has(OUTCOMES, str(outcome.request_id)))

    async def _unreadable_request(self) -> None:
        await self._until_parked(self._engine, replace(request_message(setup(1)), body=b"not a document"))

    async def _snapshot(self) -> None:
        await self.traffic.report(1)
        await self._system.counts(self.traffic, guilty=self.guilty)

    async def _instruments(self) -> None:
        name = f"X{len(self._specs)}"
        self._specs.add(name)
        specs = [builders.gold(instrument=name)]
        await self._bridge.publish(instruments_message(builders.instruments(user_id="u-1", login=1, specs=specs)))
        await self._until(lambda: self._has(SPECS, name))

    async def _snapshot_of_the_future(self) -> None:
        at = (datetime.now(UTC) + IN_THE_FUTURE).isoformat()
        message = snapshot_message(builders.snapshot(user_id="u-1", login=1, captured_at=at))
        await self._until_parked(self._bridge, message)

    async def _until_parked(self, sender: Publisher, message: Outgoing) -> None:
        self.guilty.add(message.message_id)
        await sender.publish(message)

        async def look() -> bool:
            return message.message_id in await self._parked()

        await self._until(look)

    async def _parked(self) -> set[str]:
        return {one.message_id or "" for one in await asyncio.to_thread(self._system.parked)}

    async def _has(self, effects: TextClause, name: str) -> bool:
        return name in await self._effects(effects)

    async def _effects(self, query: TextClause) -> dict[str, int]:
        """How many rows each name has."""
        engine = create_async_engine(asyncpg_url(self._system.workspace.database_url), poolclass=NullPool)
        async with engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        await engine.dispose()
        return {str(name): effects for name, effects in rows}

    async def _until(self, look: Callable[[], Awaitable[bool]]) -> None:
        await eventually(look, timeout_s=EFFECT_TIMEOUT_S)


@asynccontextmanager
async def at_work(system: System) -> AsyncIterator[Work]:
    """An account, a bridge, an engine and an owner; no service runs yet."""
    urls = system.workspace.virtual_host.role_urls
    secret = SecretStr(SETTINGS["LOTWISE_JWT_SECRET"])
    token = issue_token(TokenSettings(jwt_secret=secret), user="owner-1", role="owner", lifetime_s=3600)
    traffic, client = system.traffic(), ConfigClient(urls["owner"], token=token)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(traffic.connected())
        await stack.enter_async_context(client)
        engine = await stack.enter_async_context(publishing(urls["signal-engine"]))
        bridge = await stack.enter_async_context(publishing(urls["ea-bridge"]))
        work = Work(system, traffic, Owner(client), engine=engine, bridge=bridge)
        syncing = system.launch("sync_consumer")
        try:
            await work.give("snapshot")
        finally:
            await asyncio.to_thread(syncing.kill)
        yield work
