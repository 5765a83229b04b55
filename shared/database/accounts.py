"""The accounts as the operator lists them, each at its newest snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from sqlalchemy import extract, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.tables import user_mt5_account_details, user_mt5_accounts
from shared.database.transaction import transaction

SyncStatus = Literal["active", "inactive", "stale", "error"]

ACCOUNT = user_mt5_accounts.c
DETAILS = user_mt5_account_details.c
AGE_S = extract("epoch", func.clock_timestamp() - ACCOUNT.last_synced_at)
LISTED = select(
    ACCOUNT.mt5_account_id.label("login"),
    ACCOUNT.mt5_server.label("server"),
    ACCOUNT.user_id,
    ACCOUNT.broker_name.label("broker"),
    ACCOUNT.account_currency.label("currency"),
    ACCOUNT.account_leverage.label("leverage"),
    ACCOUNT.is_demo,
    DETAILS.margin_mode,
    DETAILS.trade_allowed,
    ACCOUNT.balance,
    ACCOUNT.equity,
    ACCOUNT.margin_used,
    ACCOUNT.margin_free,
    ACCOUNT.open_positions_count,
    ACCOUNT.total_positions_volume,
    ACCOUNT.sync_status,
    ACCOUNT.last_synced_at.label("captured_at"),
    func.round(AGE_S, 1).label("age_seconds"),
).join_from(user_mt5_accounts, user_mt5_account_details, DETAILS.user_mt5_account_id == ACCOUNT.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountQuery:
    """Which accounts; None asks for any. `older_than_s`: whose snapshot has more seconds, by the database's clock."""

    user_id: str | None = None
    sync_status: SyncStatus | None = None
    older_than_s: float | None = None


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """An account, its money in its currency; `captured_at` is when its terminal was read, `age_seconds` ago."""

    login: int
    server: str
    user_id: str
    broker: str
    currency: str
    leverage: int
    is_demo: bool
    margin_mode: str
    trade_allowed: bool
    balance: Decimal
    equity: Decimal
    margin_used: Decimal
    margin_free: Decimal
    open_positions_count: int
    total_positions_volume: Decimal
    sync_status: SyncStatus
    captured_at: datetime
    age_seconds: Decimal


async def list_accounts(engine: AsyncEngine, wanted: AccountQuery, *, limit: int) -> list[ListedAccount]:
    """At most `limit` accounts, by user, server and login. Raises DependencyError."""
    query = LISTED.order_by(ACCOUNT.user_id, ACCOUNT.mt5_server, ACCOUNT.mt5_account_id).limit(limit)
    if wanted.user_id is not None:
        query = query.where(ACCOUNT.user_id == wanted.user_id)
    if wanted.sync_status is not None:
        query = query.where(ACCOUNT.sync_status == wanted.sync_status)
    if wanted.older_than_s is not None:
        query = query.where(wanted.older_than_s < AGE_S)
    async with transaction(engine) as connection:
        return [ListedAccount(**row) for row in (await connection.execute(query)).mappings()]
