"""Accounts, to look at: a user's own, or for the owner everybody's."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.config_service.http.answers import LISTING, ComputedDecimal, json_answer
from services.config_service.http.callers import TOKEN_IN_DOCUMENT, Caller, visible_user
from services.config_service.http.paging import PageQuery, cut, read_cursor
from services.config_service.reading import AccountFilter, Reading, SyncStatus
from shared.schemas.account import MarginMode
from shared.schemas.values import ExactDecimal, Identifier, Login, Message, UtcTime

ACCOUNTS_PATH = "/api/v1/accounts"
ROWS = "accounts"


class AccountQuery(PageQuery):
    """Which accounts. `user_id` is for the owner; a user sees only their own."""

    user_id: Identifier | None = None
    sync_status: SyncStatus | None = None
    login: Login | None = None
    server: Identifier | None = None


class AccountState(Message):
    """An account at its newest snapshot. Money in account currency, as the terminal reported it; volume in lots.

    `age_seconds`: since `captured_at`, by the database's clock, which judges freshness. `margin_level_percent` is null
    where no margin is used.
    """

    login: int
    server: str
    user_id: str
    broker: str
    currency: str
    currency_digits: int
    leverage: int
    is_demo: bool
    margin_mode: MarginMode
    trade_allowed: bool
    balance: ExactDecimal
    equity: ExactDecimal
    margin_used: ExactDecimal
    margin_free: ExactDecimal
    margin_level_percent: ComputedDecimal | None
    open_positions_count: int
    total_positions_volume: ExactDecimal
    sync_status: SyncStatus
    captured_at: UtcTime
    age_seconds: ComputedDecimal
    arrived_at: UtcTime
    created_at: UtcTime
    updated_at: UtcTime


class Accounts(Message):
    """A page of accounts, the one known longest first; `next_cursor` asks for the next page, null after the last."""

    items: tuple[AccountState, ...]
    next_cursor: str | None


class AccountsApi:
    """The route, over what is in the database."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def list_accounts(self, claims: Caller, query: Annotated[AccountQuery, Query()]) -> Response:
        """Return the caller's accounts, or for the owner everybody's, in a stable order."""
        wanted = AccountFilter(
            user_id=visible_user(claims, query.user_id),
            sync_status=query.sync_status,
            login=query.login,
            server=query.server,
        )
        found = await self._reading.accounts(wanted, after=read_cursor(query.cursor, ROWS), limit=query.limit + 1)
        page, next_cursor = cut(found, query.limit, rows=ROWS)
        items = tuple(AccountState.model_validate(row.fields) for row in page)
        return json_answer(Accounts(items=items, next_cursor=next_cursor))


def account_routes(reading: Reading) -> APIRouter:
    """The routes of accounts."""
    api = AccountsApi(reading)
    router = APIRouter(tags=["accounts"], dependencies=TOKEN_IN_DOCUMENT)
    router.add_api_route(ACCOUNTS_PATH, api.list_accounts, methods=["GET"], response_model=Accounts, responses=LISTING)
    return router
