"""The sync handler without a broker: messages in, outcomes out, and the tables to look at."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.sync_consumer.handler import SyncHandler
from shared.messaging.delivery import Delivery
from shared.messaging.outcomes import Ack, Outcome, Park
from shared.schemas.account import AccountInstruments, AccountSnapshot
from tests import builders
from tests.integration.deliveries import delivered, unread

START = datetime.now(UTC) - timedelta(seconds=100)


def at(seconds: float) -> datetime:
    """A time `seconds` after some moment 100 s ago."""
    return START + timedelta(seconds=seconds)


def snapshot(balance: str = "10000.00", *, user_id: str = "u-1", login: int = 7, **fields: Any) -> AccountSnapshot:
    """A snapshot captured at `at(0)`, unless told."""
    given = {"captured_at": at(0), **fields}
    return builders.snapshot(user_id=user_id, login=login, balance=balance, **given)


def instruments(*specs: Any, user_id: str = "u-1", login: int = 7, **fields: Any) -> AccountInstruments:
    """Specs captured at `at(0)`, unless told."""
    given = {"captured_at": at(0), **fields}
    return builders.instruments(user_id=user_id, login=login, specs=list(specs), **given)


def wrong_snapshot(*, captured_at: datetime | None, **fields: Any) -> Delivery:
    """A snapshot of the account that lacks its equity, and, where told none, its time."""
    document = snapshot().model_dump(mode="json") | fields
    document["captured_at"] = captured_at.isoformat() if captured_at else None
    del document["equity"]
    return unread("account.snapshot.v1", json.dumps(document).encode())


class Desk:
    """A handler and its tables."""

    def __init__(self, database: AsyncEngine) -> None:
        self.database = database
        self.handler = SyncHandler(database, freshness_s=300)

    async def handle(self, *messages: AccountSnapshot | AccountInstruments | Delivery) -> list[str]:
        """Handle the messages in one batch; each one's result."""
        deliveries = [message if isinstance(message, Delivery) else delivered(message) for message in messages]
        return [_result(outcome) for outcome in await self.handler(deliveries)]

    async def rows(self, query: str) -> list[Row[Any]]:
        """What the operator sees."""
        async with self.database.connect() as connection:
            return list((await connection.execute(text(query))).all())

    async def account(self) -> Row[Any]:
        """The one account."""
        (row,) = await self.rows("SELECT * FROM user_mt5_accounts")
        return row

    async def accounts(self) -> list[Row[Any]]:
        """What matters of every account: login, user, balance, status, and when it was captured."""
        return await self.rows(
            "SELECT mt5_account_id, user_id, balance, sync_status, last_synced_at FROM user_mt5_accounts"
            " ORDER BY mt5_server, mt5_account_id"
        )

    async def log(self) -> list[tuple[Any, ...]]:
        """Operation, result and code of each delivery, in order."""
        rows = await self.rows("SELECT operation, sync_status, error_code FROM user_mt5_sync_logs ORDER BY id")
        return [tuple(row) for row in rows]

    async def specs(self) -> list[tuple[Any, ...]]:
        """Every published spec: login, instrument, symbol, user."""
        rows = await self.rows(
            "SELECT mt5_account_id, instrument, spec ->> 'symbol', user_id FROM mt5_instruments ORDER BY 1, 2"
        )
        return [tuple(row) for row in rows]


def _result(outcome: Outcome) -> str:
    match outcome:
        case Ack(log=log):
            return str(log["sync_status"])
        case Park(reason=reason):
            return reason
    raise TypeError(type(outcome))
