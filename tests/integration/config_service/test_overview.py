"""The last day at a glance: decisions, accounts and deliveries counted, the user's own or for the owner all."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.config_service.overview import OverviewReading
from shared.schemas.latency import LatencyCount, WorkerLatency
from tests.application import application
from tests.desk import Desk, ago
from tests.integration.config_service.askers import Api
from tests.integration.config_service.rows import make_accounts, make_decisions

OVERVIEW = "/api/v1/overview"


async def test_decisions_are_counted_by_how_they_ended_and_why(api: Api, emptied_database: AsyncEngine) -> None:
    await make_decisions(emptied_database, 4, user_id="u-1")
    await make_decisions(emptied_database, 2, user_id="u-1", reason="account_stale")
    await make_decisions(emptied_database, 1, user_id="u-2", reason="margin_buffer")
    await make_decisions(emptied_database, 2, user_id="u-2", reason="invalid_stop")

    decisions = (await api.owner.page(OVERVIEW))["decisions"]

    assert decisions.pop("since")
    assert decisions == {
        "is_cut": False,
        "decisions": 9,
        "approved": 4,
        "rejected": 3,
        "errors": 2,
        "approval_percent": "44.44",
        "reasons": [
            {"name": "account_stale", "count": 2},
            {"name": "invalid_stop", "count": 2},
            {"name": "margin_buffer", "count": 1},
        ],
    }


async def test_a_day_without_decisions_has_no_approval_rate(api: Api) -> None:
    decisions = (await api.owner.page(OVERVIEW))["decisions"]

    assert (decisions["decisions"], decisions["approval_percent"], decisions["since"]) == (0, None, None)


async def test_decisions_of_the_day_before_are_not_counted(api: Api, emptied_database: AsyncEngine) -> None:
    await make_decisions(emptied_database, 3, user_id="u-1")
    async with emptied_database.begin() as connection:
        await connection.execute(
            text("UPDATE trade_setup_risk_logs SET created_at = created_at - interval '1 day' WHERE setup_id = :one"),
            {"one": "setup-1"},
        )

    assert (await api.owner.page(OVERVIEW))["decisions"]["decisions"] == 2


async def test_more_decisions_than_one_look_reads_are_told_to_be_cut(
    own_database: AsyncEngine, emptied_database: AsyncEngine
) -> None:
    await make_decisions(emptied_database, 2, user_id="u-1", reason="account_stale")
    await make_decisions(emptied_database, 5, user_id="u-1")

    decisions = (await OverviewReading(own_database, sample_max=5).everybody()).decisions

    assert (decisions.is_cut, dict(decisions.counts)) == (True, {None: 5})


async def test_accounts_are_counted_by_their_state(api: Api, emptied_database: AsyncEngine) -> None:
    await make_accounts(emptied_database, 3, user_id="u-1", first=1)
    await make_accounts(emptied_database, 2, user_id="u-2", first=10, sync_status="stale")
    await make_accounts(emptied_database, 1, user_id="u-3", first=20, sync_status="error")

    accounts = (await api.owner.page(OVERVIEW))["accounts"]

    assert accounts == {"accounts": 6, "active": 3, "inactive": 0, "stale": 2, "error": 1}


async def test_deliveries_are_counted_by_what_became_of_them(api: Api, emptied_database: AsyncEngine) -> None:
    desk = Desk(emptied_database)
    await desk.report()
    await desk.report(captured_at=ago(60))
    await desk.report(captured_at=ago(-600))
    await desk.report(user_id="somebody-else")

    deliveries = (await api.owner.page(OVERVIEW))["deliveries"]

    assert deliveries.pop("since")
    assert deliveries == {
        "is_cut": False,
        "deliveries": 4,
        "applied": 1,
        "superseded": 1,
        "refused": 2,
        "reasons": [{"name": "account_owner_mismatch", "count": 1}, {"name": "captured_in_future", "count": 1}],
    }


async def test_a_user_sees_their_own_and_neither_deliveries_nor_what_is_parked(
    api: Api, emptied_database: AsyncEngine
) -> None:
    await make_accounts(emptied_database, 1, user_id="u-1", first=1)
    await make_accounts(emptied_database, 2, user_id="u-2", first=10)
    await make_decisions(emptied_database, 1, user_id="u-1", reason="account_stale")
    await make_decisions(emptied_database, 2, user_id="u-2")

    seen = await api.user("u-1").page(OVERVIEW)

    assert (seen["decisions"]["decisions"], seen["decisions"]["approved"]) == (1, 0)
    assert seen["accounts"]["accounts"] == 1
    assert (seen["deliveries"], seen["parked"]) == (None, None)


async def test_a_user_learns_how_long_sizing_takes_and_not_how_much_all_asked_for(own_database: AsyncEngine) -> None:
    counts = tuple(LatencyCount(within_s=within_s, count=40) for within_s in (Decimal("0.01"), None))
    now = datetime.now(UTC)
    report = WorkerLatency(instance="w-1", service="sizing_worker", since=now, counts=counts, at=now)
    transport = httpx.ASGITransport(application(own_database, measured=[report]))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        api = Api(client)
        told = [(await asker.page(OVERVIEW))["latency"] for asker in (api.owner, api.user("u-1"))]

    of_all = {"window_s": 300, "messages": 40, "p50_s": "0.0050", "p95_s": "0.0095"}
    assert told == [of_all, {**of_all, "messages": None}]


async def test_what_is_parked_is_not_known_while_the_broker_does_not_answer(api: Api) -> None:
    assert (await api.owner.page(OVERVIEW))["parked"] is None
