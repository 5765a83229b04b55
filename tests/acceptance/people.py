"""Those who talk to Lotwise: the EA bridge, the signal engine, the owner; and the operator who looks at the tables."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any, Self

import httpx
from pydantic import SecretStr
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from dev.servers.management import Management, PeekedMessage
from dev.stack.workspace import VirtualHost
from dev.waiting import eventually
from shared.client.sizing import SizingClient
from shared.client.snapshots import SnapshotPublisher
from shared.messaging.link import BrokerSettings
from shared.messaging.publisher import Outgoing, Publisher
from shared.messaging.topology import parked_name
from shared.schemas.account import AccountSnapshot
from shared.schemas.sizing import SizingDecision
from shared.tokens import Role, TokenSettings, issue_token
from tests import builders

REPLY_TIMEOUT_S = 10.0


class People:
    """The EA bridge and the signal engine of one user with one account, and a look at the database."""

    def __init__(
        self, virtual_host: VirtualHost, database: AsyncEngine, management: Management, *, user_id: str, login: int
    ) -> None:
        self._virtual_host = virtual_host
        self._management = management
        self.user_id = user_id
        self.login = login
        self.bridge = SnapshotPublisher(virtual_host.role_urls["ea-bridge"])
        self.signal_engine = SizingClient(virtual_host.role_urls["signal-engine"])
        self._database = database
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Connect."""
        await self._stack.enter_async_context(self.bridge)
        await self._stack.enter_async_context(self.signal_engine)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Disconnect."""
        await self._stack.aclose()

    async def rows(self, query: str, **parameters: Any) -> list[Row[Any]]:
        """What the operator sees; `:login` and `:user_id` are the user's."""
        async with self._database.connect() as connection:
            given = {"login": self.login, "user_id": self.user_id, **parameters}
            return list((await connection.execute(text(query), given)).all())

    async def row(self, query: str, **parameters: Any) -> Row[Any]:
        """The one row that the operator sees, as soon as there is one."""
        (row,) = await eventually(lambda: self.rows(query, **parameters))
        return row

    async def account(self) -> Row[Any]:
        """The user's row of user_mt5_accounts."""
        return await self.row("SELECT * FROM user_mt5_accounts WHERE mt5_account_id = :login")

    async def sync_logs(self, status: str) -> list[Row[Any]]:
        """The account's sync log rows of one status, as soon as there is one."""
        query = "SELECT * FROM user_mt5_sync_logs WHERE mt5_account_id = :login AND sync_status = :status ORDER BY id"
        return await eventually(lambda: self.rows(query, status=status))

    async def report(self, account: dict[str, Any] | None = None, **fields: Any) -> AccountSnapshot:
        """The bridge reports the account; returns once the database shows it."""
        snapshot = builders.snapshot(user_id=self.user_id, login=self.login, account=account, **fields)
        await self.bridge.publish(snapshot)
        query = "SELECT 1 FROM user_mt5_accounts WHERE mt5_account_id = :login AND last_synced_at >= :captured_at"
        await self.row(query, captured_at=snapshot.captured_at)
        return snapshot

    async def send_raw(self, exchange: str, routing_key: str, message_type: str, body: bytes, *, role: str) -> str:
        """Publish a body as it is, as the broker user of a role; returns its message id."""
        settings = BrokerSettings(amqp_url=SecretStr(self._virtual_host.role_urls[role]))
        publisher = Publisher(settings, name="test")
        outgoing = Outgoing(exchange, routing_key, body, message_type)
        running = asyncio.create_task(publisher.run())
        try:
            await publisher.publish(outgoing)
        finally:
            running.cancel()
            await asyncio.wait([running])
        return outgoing.message_id

    async def parked(self, queue: str, message_id: str) -> PeekedMessage:
        """The parked message of this id, as soon as it is parked."""

        async def look() -> list[PeekedMessage]:
            parked = self._management.peek(self._virtual_host.name, parked_name(queue))
            return [message for message in parked if message.message_id == message_id]

        (found,) = await eventually(look)
        return found

    async def publish_specs(self, *specs: dict[str, Any], account: dict[str, Any] | None = None) -> None:
        """The bridge publishes the broker's specifications; returns once the database has them."""
        message = builders.instruments(user_id=self.user_id, login=self.login, specs=list(specs), account=account)
        await self.bridge.publish_instruments(message)
        query = "SELECT 1 FROM mt5_instruments WHERE mt5_account_id = :login GROUP BY 1 HAVING count(*) >= :count"
        await self.row(query, count=len(specs))

    async def ask(self, **fields: Any) -> SizingDecision:
        """The signal engine asks, and awaits the reply."""
        return await self.signal_engine.size(
            builders.request(user_id=self.user_id, **fields), timeout_s=REPLY_TIMEOUT_S
        )

    async def audit(self, decision: SizingDecision) -> Row[Any]:
        """The audit row of a decision; there is exactly one."""
        return await self.row(
            "SELECT * FROM trade_setup_risk_logs WHERE request_id = :request_id", request_id=decision.request_id
        )


class Owner:
    """Whoever holds the dial, over HTTP."""

    def __init__(self, client: httpx.AsyncClient, jwt_secret: str) -> None:
        self._client = client
        self._tokens = TokenSettings(jwt_secret=jwt_secret)

    def headers(self, role: Role = "owner", user: str = "owner-1") -> dict[str, str]:
        """The authorization of a user in a role."""
        return {"Authorization": f"Bearer {issue_token(self._tokens, user=user, role=role, lifetime_s=600)}"}

    async def get(self, path: str, **arguments: Any) -> httpx.Response:
        """Ask with the owner's token, or with the headers given."""
        return await self._client.get(path, **{"headers": self.headers(), **arguments})

    async def post(self, body: dict[str, Any], **arguments: Any) -> httpx.Response:
        """Post to the dial with the owner's token, or with the headers given."""
        return await self._client.post("/api/v1/risk/config", json=body, **{"headers": self.headers(), **arguments})

    async def set_risk_percent(self, percent: str, reason: str = "test") -> dict[str, Any]:
        """Turn the dial; returns the acknowledgement."""
        response = await self.post({"new_risk_percent": percent, "reason": reason})
        response.raise_for_status()
        body: dict[str, Any] = response.json()
        return body
