"""The sizing handler without a broker: requests in, replies out, and the tables to look at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.sizing_worker.configuration import CurrentConfiguration
from services.sizing_worker.handler import SizingHandler
from services.sync_consumer.handler import SyncHandler
from shared.messaging.delivery import Delivery
from shared.messaging.outcomes import Ack, Outcome, Park
from shared.schemas.sizing import SizingDecision, SizingOutcome, SizingRequest
from shared.sizing.configuration import Rules
from tests import builders
from tests.builders import gold
from tests.integration.deliveries import delivered

RULES = Rules(risk_basis="balance", freshness_s=300, instrument_freshness_s=86_400, reservation_s=None)
AUDIT = "SELECT * FROM trade_setup_risk_logs ORDER BY id"


class Worker:
    """One sizing worker: a handler with a configuration in memory of its own."""

    def __init__(self, database: AsyncEngine) -> None:
        self.current = CurrentConfiguration()
        self.handler = SizingHandler(database, self.current, rules=RULES, request_s=60)

    async def bodies(self, *messages: SizingRequest | SizingOutcome | Delivery) -> list[bytes]:
        """The reply to each message of one batch, byte for byte."""
        deliveries = [message if isinstance(message, Delivery) else delivered(message) for message in messages]
        return [_body(outcome) for outcome in await self.handler(deliveries)]

    async def decide(self, *messages: SizingRequest | Delivery) -> list[SizingDecision]:
        """The reply to each message of one batch."""
        return [SizingDecision.model_validate(json.loads(body)) for body in await self.bodies(*messages)]

    async def codes(self, *messages: SizingRequest | Delivery) -> list[str]:
        """What was decided of each: `approved`, or the first reason's code."""
        return [_code(decision) for decision in await self.decide(*messages)]


class Desk(Worker):
    """A worker, and the operator beside it."""

    def __init__(self, database: AsyncEngine) -> None:
        super().__init__(database)
        self.database = database
        self._sync = SyncHandler(database, freshness_s=300)

    async def account(
        self, login: int = 7, *, user_id: str = "u-1", specs: Sequence[Any] | None = None, **fields: Any
    ) -> None:
        """Report an account as its bridge does, gold published unless told."""
        snapshot = builders.snapshot(user_id=user_id, login=login, **fields)
        published = [gold()] if specs is None else list(specs)
        messages = [delivered(snapshot)]
        if published:
            account = {"currency": snapshot.account.currency, "leverage": snapshot.account.leverage}
            instruments = builders.instruments(
                user_id=user_id, login=login, specs=published, account=account, captured_at=snapshot.captured_at
            )
            messages.append(delivered(instruments))
        await self._sync(messages)

    async def execute(self, statement: str, **parameters: Any) -> None:
        """Change something behind the worker's back."""
        async with self.database.begin() as connection:
            await connection.execute(text(statement), parameters)

    async def rows(self, query: str) -> list[Row[Any]]:
        """What the operator sees."""
        async with self.database.connect() as connection:
            return list((await connection.execute(text(query))).all())

    async def audit(self) -> list[Row[Any]]:
        """Every audit row."""
        return await self.rows(AUDIT)

    async def turn(self, version: int, risk_percent: str) -> None:
        """The owner's dial, as the config service writes it."""
        await self.execute(
            "INSERT INTO risk_configuration_history (config_version, fixed_risk_percent, entry_1_percent,"
            " entry_2_percent, entry_3_percent, margin_buffer_percent, updated_by, updated_at)"
            " VALUES (:version, CAST(CAST(:risk AS text) AS numeric), 0.50, 0.35, 0.15, 20, 'owner-1', now())",
            version=version,
            risk=risk_percent,
        )


def request(**fields: Any) -> SizingRequest:
    """A request of u-1."""
    return builders.request(**{"user_id": "u-1", **fields})


def _body(outcome: Outcome) -> bytes:
    assert isinstance(outcome, Ack | Park)
    assert outcome.reply is not None
    return outcome.reply.body


def _code(decision: SizingDecision) -> str:
    return decision.reasons[0].code if decision.reasons else decision.status
