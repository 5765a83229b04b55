"""A decision explained over HTTP: to whom, and what is told."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.desk import USER, Desk
from tests.integration.config_service.askers import Api

EXPLANATION = "/api/v1/decisions/{}/explanation"


async def test_a_decision_is_explained_figure_by_figure_to_its_user_and_the_owner(
    api: Api, emptied_database: AsyncEngine
) -> None:
    desk = Desk(emptied_database)
    await desk.report()
    await desk.publish()
    decision = await desk.ask()

    told = [await asker.page(EXPLANATION.format(decision.request_id)) for asker in (api.user(USER), api.owner)]

    assert told[0] == told[1]
    sections = {section["name"]: section for section in told[0]["sections"]}
    assert list(sections) == [
        "request", "account", "instrument", "budget", "entry_1", "entry_2", "entry_3", "totals", "margin", "outcome",
    ]  # fmt: skip
    budget = {line["name"]: line for line in sections["budget"]["lines"]}["budget"]
    assert budget == {
        "name": "budget",
        "value": "300",
        "shown": "300",
        "unit": "USD",
        "formula": "balance × risk percent / 100",
        "numbers": "10000 × 3 / 100",
        "in_reply": "300.00",
        "note": None,
    }


async def test_an_explanation_of_another_s_is_answered_like_one_that_never_was(
    api: Api, emptied_database: AsyncEngine
) -> None:
    decision = await Desk(emptied_database).ask()

    others = await api.user("u-2").get(EXPLANATION.format(decision.request_id))
    nobodys = await api.user("u-2").get(EXPLANATION.format(uuid4()))

    assert (others.status_code, nobodys.status_code) == (404, 404)
    assert {**others.json(), "request_id": None} == {**nobodys.json(), "request_id": None}


async def test_a_record_that_cannot_be_read_is_told_so(api: Api, emptied_database: AsyncEngine) -> None:
    decision = await Desk(emptied_database).ask()
    async with emptied_database.begin() as connection:
        await connection.execute(text("UPDATE decision_records SET record = '\\x00'"))

    answer = await api.owner.get(EXPLANATION.format(decision.request_id))

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "cannot be read" in answer.json()["detail"]
