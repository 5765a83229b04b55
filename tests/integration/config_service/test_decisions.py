"""Decisions over HTTP: whose, which, in which pages; and the very reply that a request got."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.desk import USER, Desk
from tests.integration.config_service.askers import Api
from tests.integration.config_service.rows import make_accounts, make_decisions

DECISIONS = "/api/v1/decisions"


def setups(found: list[dict[str, Any]]) -> list[str]:
    return [decision["setup_id"] for decision in found]


async def test_a_decision_is_told_as_its_audit_row_has_it(api: Api, emptied_database: AsyncEngine) -> None:
    await make_accounts(emptied_database, 1, user_id="u-1", first=77)
    await make_decisions(emptied_database, 1, user_id="u-1", login=77)

    (decision,) = (await api.user("u-1").page(DECISIONS))["items"]

    assert decision.pop("request_id")
    assert datetime.fromisoformat(decision.pop("decided_at")) < datetime.now(UTC)
    assert decision == {
        "user_id": "u-1",
        "login": 77,
        "server": "Test-MT5",
        "setup_id": "setup-1",
        "instrument": "XAUUSD",
        "side": "buy",
        "status": "approved",
        "reason": None,
        "config_version": 7,
        "global_risk_percent": "2.5",
        "account_balance": "10000.00",
        "account_equity": "9900.50",
        "account_leverage": 100,
        "margin_available": "9600.50",
        "allocated_risk_amount": "250.00",
        "entry_1_volume": "0.30",
        "entry_2_volume": None,
        "entry_3_volume": None,
        "total_stop_loss_amount": "150.00",
        "total_margin_required": "585.00",
    }


async def test_users_see_their_own_decisions_and_the_owner_all(api: Api, emptied_database: AsyncEngine) -> None:
    await make_decisions(emptied_database, 2, user_id="u-1")
    await make_decisions(emptied_database, 1, user_id="u-2")

    seen = [
        [decision["user_id"] for decision in await asker.all(DECISIONS)]
        for asker in (api.user("u-1"), api.user("u-2"), api.user("u-3"), api.owner)
    ]

    assert seen == [["u-1", "u-1"], ["u-2"], [], ["u-2", "u-1", "u-1"]]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"user_id": "u-1"}, 2),
        ({"status": "approved"}, 2),
        ({"status": "rejected"}, 3),
        ({"status": "error"}, 4),
        ({"reason": "account_stale"}, 3),
        ({"instrument": "EURUSD"}, 3),
        ({"setup_id": "setup-4"}, 1),
        ({"login": 77, "server": "Test-MT5"}, 4),
        ({"login": 78, "server": "Test-MT5"}, 0),
        ({"status": "approved", "reason": "account_stale"}, 0),
    ],
)
async def test_the_owner_filters_decisions(
    api: Api, emptied_database: AsyncEngine, filters: dict[str, Any], expected: int
) -> None:
    await make_accounts(emptied_database, 1, user_id="u-3", first=77)
    await make_decisions(emptied_database, 2, user_id="u-1")
    await make_decisions(emptied_database, 3, user_id="u-2", reason="account_stale", instrument="EURUSD")
    await make_decisions(emptied_database, 4, user_id="u-3", reason="invalid_stop", login=77)

    found = await api.owner.all(DECISIONS, **filters)

    assert len(found) == expected


async def test_decisions_are_found_from_a_time_on_and_before_another(api: Api, emptied_database: AsyncEngine) -> None:
    await make_decisions(emptied_database, 4, user_id="u-1")
    fourth, third, second, first = await api.owner.all(DECISIONS)

    found = await api.owner.all(DECISIONS, since=second["decided_at"], until=fourth["decided_at"])

    assert (setups(found), first["setup_id"]) == ([third["setup_id"], second["setup_id"]], "setup-1")


async def test_an_account_is_asked_for_by_login_and_server_together(api: Api) -> None:
    response = await api.owner.get(DECISIONS, login=77)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_message")
    assert "login and server" in response.json()["detail"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    others=st.lists(st.integers(0, 5), max_size=4), limit=st.integers(1, 9), arriving=st.integers(0, 4), data=st.data()
)
async def test_walking_the_pages_meets_each_decision_once_in_order_while_others_arrive(
    api: Api, emptied_database: AsyncEngine, others: list[int], limit: int, arriving: int, data: st.DataObject
) -> None:
    async with emptied_database.begin() as connection:
        await connection.execute(text("DELETE FROM trade_setup_risk_logs"))
    for number, count in enumerate(others):
        await make_decisions(emptied_database, count, user_id="u-1")
        await make_decisions(emptied_database, 1, user_id=f"other-{number}")
    asker = data.draw(st.sampled_from([api.user("u-1"), api.owner]))
    before = [decision["request_id"] for decision in await asker.all(DECISIONS, limit=200)]

    walked = []
    async for page in asker.pages(DECISIONS, limit=limit):
        walked += [decision["request_id"] for decision in page]
        await make_decisions(emptied_database, arriving, user_id="u-1")

    assert walked == before


async def test_pages_go_on_from_one_month_into_the_former(api: Api, emptied_database: AsyncEngine) -> None:
    await make_decisions(emptied_database, 3, user_id="u-1")
    async with emptied_database.begin() as connection:
        await connection.execute(
            text(
                "UPDATE trade_setup_risk_logs SET created_at = created_at - interval '40 days' WHERE setup_id <> :new"
            ),
            {"new": "setup-3"},
        )

    assert setups(await api.owner.all(DECISIONS, limit=1)) == ["setup-3", "setup-2", "setup-1"]


async def test_a_reply_is_given_byte_for_byte_to_its_user_and_the_owner(
    api: Api, emptied_database: AsyncEngine
) -> None:
    desk = Desk(emptied_database)
    await desk.report()
    await desk.publish()
    decision = await desk.ask()
    (stored,) = await desk.rows("SELECT reply FROM decisions")

    answers = [await asker.get(f"{DECISIONS}/{decision.request_id}") for asker in (api.user(USER), api.owner)]

    assert [answer.content for answer in answers] == [stored.reply, stored.reply]
    assert answers[0].headers["content-type"] == "application/json"


async def test_a_reply_of_another_is_answered_like_one_that_never_was(api: Api, emptied_database: AsyncEngine) -> None:
    decision = await Desk(emptied_database).ask()

    others = await api.user("u-2").get(f"{DECISIONS}/{decision.request_id}")
    nobodys = await api.user("u-2").get(f"{DECISIONS}/{uuid4()}")

    assert (others.status_code, nobodys.status_code) == (404, 404)
    assert {**others.json(), "request_id": None} == {**nobodys.json(), "request_id": None}


async def test_a_decision_of_an_account_that_was_removed_is_still_told(api: Api, emptied_database: AsyncEngine) -> None:
    await make_accounts(emptied_database, 1, user_id="u-1", first=77)
    await make_decisions(emptied_database, 1, user_id="u-1", login=77)
    async with emptied_database.begin() as connection:
        await connection.execute(text("DELETE FROM user_mt5_accounts"))

    (decision,) = (await api.user("u-1").page(DECISIONS))["items"]

    assert (decision["login"], decision["server"]) == (None, None)


async def test_an_until_in_another_offset_is_the_same_moment(api: Api, emptied_database: AsyncEngine) -> None:
    await make_decisions(emptied_database, 1, user_id="u-1")
    in_an_hour = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    assert len(await api.owner.all(DECISIONS, until=in_an_hour)) == 1
