"""What the routes of the plan refuse before the database is asked."""

from __future__ import annotations

import httpx
import pytest

from services.config_service.http.schedules import SCHEDULES_PATH
from tests.application import bearer
from tests.unit.config_service.test_http import assert_problem

ONE = f"{SCHEDULES_PATH}/2f0c9a5e-6f0b-4d0e-9a55-6b0f9c1d7e42"
GOOD = {"new_risk_percent": "2", "effective_at": "2126-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", SCHEDULES_PATH), ("POST", SCHEDULES_PATH), ("DELETE", ONE)],
)
async def test_the_plan_is_the_owners(client: httpx.AsyncClient, method: str, path: str) -> None:
    assert_problem(await client.request(method, path), 401, "unauthorized")
    assert_problem(await client.request(method, path, headers=bearer("user")), 403, "forbidden")


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"new_risk_percent": "51"}, "out_of_range", "new_risk_percent"),
        ({"new_risk_percent": None}, "invalid_message", "new_risk_percent"),
        ({"effective_at": "tomorrow"}, "invalid_message", "effective_at"),
        ({"effective_at": "2126-01-01T00:00:00"}, "invalid_message", "effective_at"),
        ({"when": "now"}, "invalid_message", "when"),
    ],
)
async def test_a_plan_that_cannot_be_names_its_wrong_field(
    client: httpx.AsyncClient, changed: dict[str, object], code: str, field: str
) -> None:
    response = await client.post(SCHEDULES_PATH, json=GOOD | changed, headers=bearer())

    assert [error["field"] for error in assert_problem(response, 422, code)["errors"]] == [field]


async def test_an_id_that_is_none_is_refused_and_named(client: httpx.AsyncClient) -> None:
    problem = assert_problem(await client.delete(f"{SCHEDULES_PATH}/7", headers=bearer()), 422, "invalid_message")

    assert [error["field"] for error in problem["errors"]] == ["schedule_id"]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "before=x", "state=late"])
async def test_a_page_of_the_plan_that_cannot_be_is_refused(client: httpx.AsyncClient, query: str) -> None:
    problem = assert_problem(await client.get(f"{SCHEDULES_PATH}?{query}", headers=bearer()), 422, "invalid_message")

    assert [error["field"] for error in problem["errors"]] == [query.partition("=")[0]]
