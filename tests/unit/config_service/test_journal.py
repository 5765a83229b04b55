"""What every answer of the HTTP API carries: the request's id, safe headers; HEAD, OPTIONS, and who comes too often."""

from __future__ import annotations

import re
import time

import httpx
import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from tests.application import bearer, throttle
from tests.counting import Counted
from tests.unit.config_service.api import CONFIG, HEALTH, config_client, post

EVERY_KIND = [HEALTH, CONFIG, "/nothing", "/api/nothing"]
NEW_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.mark.parametrize("path", EVERY_KIND)
async def test_every_answer_carries_the_callers_request_id(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path, headers={**bearer(), "X-Request-Id": "trace-7"})

    assert response.headers["x-request-id"] == "trace-7"


@pytest.mark.parametrize("given", ["", "x" * 129, "two words", "caf\u00e9"])
async def test_a_request_id_that_cannot_stand_in_a_log_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    response = await client.get(HEALTH, headers=[(b"X-Request-Id", given.encode())])

    assert NEW_ID.fullmatch(response.headers["x-request-id"])


async def test_requests_without_an_id_get_one_each(client: httpx.AsyncClient) -> None:
    ids = {(await client.get(HEALTH)).headers["x-request-id"] for _ in range(2)}

    assert len(ids) == 2


@pytest.mark.parametrize(("path", "status"), [("/api/v1/nothing", 404), (CONFIG, 500)])
async def test_a_problem_names_the_request_that_it_is_about(client: httpx.AsyncClient, path: str, status: int) -> None:
    response = await client.get(path, headers={**bearer(), "X-Request-Id": "trace-7"})

    assert (response.status_code, response.json()["request_id"]) == (status, "trace-7")


async def test_every_log_line_of_a_request_carries_its_id(client: httpx.AsyncClient) -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        await client.get(CONFIG, headers={"Authorization": "Bearer nonsense", "X-Request-Id": "trace-7"})

    assert {(line["event"], line["request_id"]) for line in lines} == {
        ("token.refused", "trace-7"),
        ("http.answered", "trace-7"),
    }


@pytest.mark.parametrize("path", EVERY_KIND)
async def test_no_browser_may_keep_guess_or_show_an_answer(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path, headers=bearer())).headers

    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(("scheme", "told"), [("https", ["strict-transport-security"]), ("http", [])])
async def test_only_who_came_by_tls_is_told_to_stay_with_it(scheme: str, told: list[str]) -> None:
    async with config_client(base_url=f"{scheme}://config") as client:
        headers = (await client.get(HEALTH)).headers

    assert [name for name in headers if name.startswith("strict-")] == told


async def test_no_page_of_another_origin_is_let_in(client: httpx.AsyncClient) -> None:
    preflight = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}

    response = await client.options(CONFIG, headers={**bearer(), **preflight})

    assert not [name for name in response.headers if name.startswith("access-control-")]


async def test_options_tells_the_methods_of_a_path(client: httpx.AsyncClient) -> None:
    response = await client.options(CONFIG, headers=bearer())

    assert (response.status_code, response.headers["allow"], response.content) == (204, "GET, HEAD, OPTIONS, POST", b"")


async def test_head_is_answered_like_get_without_the_body(client: httpx.AsyncClient) -> None:
    told = await client.get(HEALTH)
    response = await client.head(HEALTH)

    assert (response.status_code, response.content) == (told.status_code, b"")
    assert response.headers["content-length"] == told.headers["content-length"]


async def test_a_user_who_changes_too_often_is_refused_and_may_still_read_and_others_change() -> None:
    async with config_client(limits=throttle(writes=3)) as client:
        answers = [await post(client, b"{}") for _ in range(5)]
        reading = await client.get("/api/v1/nothing", headers=bearer())
        another = await post(client, b"{}", **bearer(user="owner-2"))

    assert answers[-1].status_code == 429
    assert answers[-1].json()["code"] == "rate_limited"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert (reading.status_code, another.status_code) == (404, 422)


async def test_a_user_who_looks_too_often_is_refused_and_others_still_read() -> None:
    async with config_client(limits=throttle(reads=3)) as client:
        answers = [await client.get("/api/v1/nothing", headers=bearer()) for _ in range(5)]
        another = await client.get("/api/v1/nothing", headers=bearer(user="owner-2"))

    assert (answers[0].status_code, answers[-1].status_code, another.status_code) == (404, 429, 404)
    assert answers[-1].headers["content-type"] == "application/problem+json"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


@pytest.mark.parametrize("path", [HEALTH, "/", "/page/app.js", "/docs/messages"])
async def test_what_needs_no_token_may_be_looked_at_however_often(path: str) -> None:
    async with config_client(limits=throttle(reads=1)) as client:
        statuses = {(await client.get(path, headers=bearer())).status_code for _ in range(5)}

    assert statuses <= {200, 503}  # health is not ready here, and says so each time


async def test_an_address_that_fails_too_often_is_told_so_and_a_believed_token_from_it_still_passes() -> None:
    async with config_client(limits=throttle(auth_failures=3)) as client:
        answers = [await client.get("/api/v1/nothing", headers={"Authorization": "Bearer x"}) for _ in range(5)]
        believed = await client.get("/api/v1/nothing", headers=bearer())

    assert (answers[0].status_code, answers[-1].status_code, believed.status_code) == (401, 429, 404)


async def test_requests_are_counted_by_method_status_and_the_pattern_of_their_route(client: httpx.AsyncClient) -> None:
    requests = Counted("lotwise_http_requests_total")

    for login in (1, 2):
        await client.delete(f"{CONFIG}/schedules/{login}", headers=bearer())
    await client.get(HEALTH)

    assert requests.by("method", "route", "status") == {
        ("DELETE", "/api/v1/risk/config/schedules/{schedule_id}", "422"): 2,
        ("GET", HEALTH, "503"): 1,
    }


async def test_what_a_caller_makes_up_is_no_label(client: httpx.AsyncClient) -> None:
    requests = Counted("lotwise_http_requests_total")

    await client.request("BREW", "/api/v1/coffee", headers=bearer())

    assert requests.by("method", "route", "status") == {("other", "unmatched", "404"): 1}


async def test_the_time_of_each_answer_is_counted_by_its_route(client: httpx.AsyncClient) -> None:
    seconds, answers = (Counted(f"lotwise_http_request_duration_seconds_{what}") for what in ("sum", "count"))
    started = time.monotonic()

    for _ in range(3):
        await client.get(HEALTH)

    assert answers.by("route") == {(HEALTH,): 3}
    assert 0 < seconds.total() < time.monotonic() - started


@pytest.mark.parametrize("limit", ["writes", "reads", "auth_failures"])
async def test_each_request_that_is_refused_for_its_rate_is_counted_by_the_limit(limit: str) -> None:
    throttled = Counted("lotwise_http_throttled_total")
    method = "POST" if limit == "writes" else "GET"
    headers = {"Authorization": "Bearer x"} if limit == "auth_failures" else bearer()
    async with config_client(limits=throttle(**{limit: 3})) as client:
        statuses = [(await client.request(method, "/api/v1/nothing", headers=headers)).status_code for _ in range(6)]

    assert statuses[-1] == 429
    assert throttled.by("limit") == {(limit,): statuses.count(429)}
