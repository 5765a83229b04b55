"""Accounts over HTTP: whose, which, and in which pages."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.schemas.values import parse_time
from tests.integration.config_service.askers import Api
from tests.integration.config_service.rows import make_accounts, make_decisions

ACCOUNTS = "/api/v1/accounts"


async def test_an_account_is_told_as_its_newest_snapshot_left_it(api: Api, emptied_database: AsyncEngine) -> None:
    await make_accounts(emptied_database, 1, user_id="u-1", first=590338389)

    (account,) = (await api.user("u-1").page(ACCOUNTS))["items"]

    age_s = Decimal(account.pop("age_seconds"))
    captured_at = parse_time(account.pop("captured_at"))
    arrived_at = parse_time(account.pop("arrived_at"))
    assert account.pop("created_at") == account.pop("updated_at")
    assert Decimal(10) <= age_s < Decimal(60)
    assert timedelta(seconds=10) <= arrived_at - captured_at < timedelta(seconds=60)
    assert account == {
        "login": 590338389,
        "server": "Test-MT5",
        "user_id": "u-1",
        "broker": "Test",
        "currency": "USD",
        "currency_digits": 2,
        "leverage": 100,
        "is_demo": True,
        "margin_mode": "hedging",
        "trade_allowed": True,
        "balance": "10000.00",
        "equity": "9900.50",
        "margin_used": "300.00",
        "margin_free": "9600.50",
        "margin_level_percent": "3300.17",  # 9,900.50 / 300 × 100
        "open_positions_count": 1,
        "total_positions_volume": "0.10",
        "sync_status": "active",
    }


async def test_users_see_their_own_accounts_and_the_owner_all(api: Api, emptied_database: AsyncEngine) -> None:
    await make_accounts(emptied_database, 2, user_id="u-1", first=1)
    await make_accounts(emptied_database, 1, user_id="u-2", first=3)

    seen = {
        "u-1": [account["login"] for account in await api.user("u-1").all(ACCOUNTS)],
        "u-2": [account["login"] for account in await api.user("u-2").all(ACCOUNTS)],
        "u-3": [account["login"] for account in await api.user("u-3").all(ACCOUNTS)],
        "owner": [account["login"] for account in await api.owner.all(ACCOUNTS)],
    }

    assert seen == {"u-1": [1, 2], "u-2": [3], "u-3": [], "owner": [1, 2, 3]}


@pytest.mark.parametrize("path", [ACCOUNTS, "/api/v1/decisions"])
async def test_a_user_who_asks_for_anothers_rows_is_forbidden(api: Api, path: str) -> None:
    response = await api.user("u-1").get(path, user_id="u-2")

    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("filters", "logins"),
    [
        ({"user_id": "u-2"}, [3]),
        ({"sync_status": "stale"}, [3]),
        ({"login": 2}, [2]),
        ({"server": "Test-MT5"}, [1, 2, 3]),
        ({"server": "Other-MT5"}, []),
        ({"sync_status": "active", "user_id": "u-2"}, []),
    ],
)
async def test_the_owner_filters_accounts(
    api: Api, emptied_database: AsyncEngine, filters: dict[str, str], logins: list[int]
) -> None:
    await make_accounts(emptied_database, 2, user_id="u-1", first=1)
    await make_accounts(emptied_database, 1, user_id="u-2", first=3, sync_status="stale")

    found = await api.owner.all(ACCOUNTS, **filters)

    assert [account["login"] for account in found] == logins


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 200])
async def test_walking_the_pages_meets_each_account_once(api: Api, emptied_database: AsyncEngine, limit: int) -> None:
    await make_accounts(emptied_database, 6, user_id="u-1")

    pages = [[account["login"] for account in page] async for page in api.owner.pages(ACCOUNTS, limit=limit)]

    assert [login for page in pages for login in page] == [1, 2, 3, 4, 5, 6]
    assert all(0 < len(page) <= limit for page in pages)


async def test_a_page_has_fifty_accounts_unless_asked_otherwise(api: Api, emptied_database: AsyncEngine) -> None:
    await make_accounts(emptied_database, 51, user_id="u-1")

    assert len((await api.owner.page(ACCOUNTS))["items"]) == 50


async def test_a_cursor_of_one_list_does_not_serve_another(api: Api, emptied_database: AsyncEngine) -> None:
    await make_accounts(emptied_database, 2, user_id="u-1")
    await make_decisions(emptied_database, 2, user_id="u-1")
    cursor = (await api.owner.page(ACCOUNTS, limit=1))["next_cursor"]

    response = await api.owner.get("/api/v1/decisions", cursor=cursor)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_message")
    assert response.json()["errors"][0]["field"] == "cursor"
