"""What the HTTP API refuses before the database is asked, and how it says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.config_service.http.guard import BODY_BYTES_MAX, Guard
from services.config_service.http.stream import STREAM_PATH
from services.config_service.http.workers import WORKERS_PATH
from shared.tokens import TokenVerifier
from tests.application import TOKENS, bearer, throttle
from tests.unit.config_service.api import CONFIG, post

PROBLEM = "application/problem+json"
ACCOUNTS, DECISIONS = "/api/v1/accounts", "/api/v1/decisions"


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == PROBLEM
    problem: dict[str, Any] = response.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert {"type", "title", "detail"} < problem.keys()
    return problem


@pytest.mark.parametrize(
    "path", [CONFIG, f"{CONFIG}/history", WORKERS_PATH, STREAM_PATH, "/api/openapi.json", "/api/nothing", "/api"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_nothing_under_api_is_open(client: httpx.AsyncClient, method: str, path: str) -> None:
    response = await client.request(method, path)

    assert_problem(response, 401, "unauthorized")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer nonsense"}, bearer(lifetime_s=-1)])
async def test_a_token_that_is_not_believed_is_told_apart_from_none_and_no_more(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    response = await client.get(CONFIG, headers=headers)

    assert assert_problem(response, 401, "unauthorized")["detail"] == "the token is not valid"
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("body", [b'{"new_risk_percent": 2}', b"{", b"", b'{"new_risk_percent": 99}'])
async def test_a_user_is_forbidden_to_change_whatever_is_sent(client: httpx.AsyncClient, body: bytes) -> None:
    assert_problem(await post(client, body, **bearer("user")), 403, "forbidden")


@pytest.mark.parametrize("percent", [b"0.09", b'"50.01"', b"-1", b"0"])
async def test_a_percent_out_of_range_is_refused(client: httpx.AsyncClient, percent: bytes) -> None:
    problem = assert_problem(await post(client, b'{"new_risk_percent": %s}' % percent), 422, "out_of_range")

    assert problem["errors"] == [{"field": "new_risk_percent", "message": "must be between 0.1 and 50"}]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", [None]),
        (b"{", [None]),
        (b"\xff", [None]),
        (b"[]", [None]),
        (b"[" * 50_000, [None]),
        (b'{"new_risk_percent": NaN}', [None]),
        (b'{"new_risk_percent": 1, "new_risk_percent": 2}', [None]),
        (b"{}", ["new_risk_percent"]),
        (b'{"new_risk_percent": null}', ["new_risk_percent"]),
        (b'{"new_risk_percent": true}', ["new_risk_percent"]),
        (b'{"new_risk_percent": 1e400}', ["new_risk_percent"]),
        (b'{"new_risk_percent": "1,5"}', ["new_risk_percent"]),
        (b'{"new_risk_percent": 1, "reason": 5, "role": "owner"}', ["reason", "role"]),
        (b'{"new_risk_percent": 1, "reason": "\\u0000"}', ["reason"]),
        (b'{"new_risk_percent": 1, "reason": "\\ud800"}', ["reason"]),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused_by_its_wrong_fields(
    client: httpx.AsyncClient, body: bytes, fields: list[str | None]
) -> None:
    problem = assert_problem(await post(client, body), 422, "invalid_message")

    assert [error.get("field") for error in problem["errors"]] == fields


@pytest.mark.parametrize("etag", ["x", 'W/"7"', '"7', '7"', '"0"', '"-1"', '"7", "8"', ""])
async def test_an_if_match_that_is_no_etag_of_ours_is_refused(client: httpx.AsyncClient, etag: str) -> None:
    response = await post(client, b'{"new_risk_percent": 2}', **{"If-Match": etag})

    assert assert_problem(response, 422, "invalid_message")["errors"][0]["field"] == "If-Match"


async def test_an_idempotency_key_that_is_too_long_is_refused(client: httpx.AsyncClient) -> None:
    response = await post(client, b'{"new_risk_percent": 2}', **{"Idempotency-Key": "k" * 129})

    assert assert_problem(response, 422, "invalid_message")["errors"][0]["field"] == "idempotency-key"


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(client: httpx.AsyncClient) -> None:
    assert_problem(await post(client, b" " * (BODY_BYTES_MAX + 1)), 413, "body_too_large")


async def test_a_body_that_grows_too_large_is_refused(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 1000

    response = await client.post(CONFIG, content=endless(), headers=bearer())

    assert_problem(response, 413, "body_too_large")


async def test_a_body_that_does_not_say_that_it_is_json_is_refused(client: httpx.AsyncClient) -> None:
    response = await post(client, b'{"new_risk_percent": 2}', **{"Content-Type": "text/plain"})

    assert_problem(response, 415, "unsupported_media_type")


async def test_a_path_that_is_not_there_is_not_found(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/api/v1/nothing", headers=bearer()), 404, "not_found")


async def test_a_method_that_a_path_does_not_have_is_answered_with_those_it_has(client: httpx.AsyncClient) -> None:
    response = await client.delete(CONFIG, headers=bearer())

    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "before_version=0", "before_version=2147483648"])
async def test_a_page_that_cannot_be_is_refused(client: httpx.AsyncClient, query: str) -> None:
    problem = assert_problem(await client.get(f"{CONFIG}/history?{query}", headers=bearer()), 422, "invalid_message")

    assert [error["field"] for error in problem["errors"]] == [query.partition("=")[0]]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"{ACCOUNTS}?limit=0", "limit"),
        (f"{ACCOUNTS}?limit=201", "limit"),
        (f"{ACCOUNTS}?login=0", "login"),
        (f"{ACCOUNTS}?login=9223372036854775808", "login"),
        (f"{ACCOUNTS}?sync_status=fine", "sync_status"),
        (f"{ACCOUNTS}?server=%00", "server"),
        (f"{ACCOUNTS}?sync_state=stale", "sync_state"),
        (f"{ACCOUNTS}?user_id=u-1&user_id=u-2", "user_id"),
        (f"{ACCOUNTS}?cursor=", "cursor"),
        (f"{ACCOUNTS}?cursor=AAAAAAAAAAAAAAAA", "cursor"),
        (f"{ACCOUNTS}?cursor=%C3%BC", "cursor"),
        (f"{DECISIONS}?status=maybe", "status"),
        (f"{DECISIONS}?reason=because", "reason"),
        (f"{DECISIONS}?since=yesterday", "since"),
        (f"{DECISIONS}?since=2026-11-22T14:00:00", "since"),
        (f"{DECISIONS}?until=9999-12-31T23:59:59-23:59", "until"),
        (f"{DECISIONS}?cursor=AAAAAAAAAAAAAAAA", "cursor"),
        (f"{DECISIONS}/not-a-uuid", "request_id"),
    ],
)
async def test_a_look_up_that_cannot_be_is_refused_by_its_wrong_field(
    client: httpx.AsyncClient, path: str, field: str
) -> None:
    problem = assert_problem(await client.get(path, headers=bearer()), 422, "invalid_message")

    assert [error["field"] for error in problem["errors"]] == [field]


async def test_a_bug_is_answered_without_a_word_of_it(client: httpx.AsyncClient) -> None:
    # The socket that the unit tests forbid stands for whatever nobody thought of.
    response = await client.get(CONFIG, headers=bearer())

    problem = assert_problem(response, 500, "internal_error")
    assert "socket" not in str(problem).lower()


async def test_health_is_open_and_says_what_is_away(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/trading/health")

    assert response.status_code == 503
    health = response.json()
    assert (health["status"], health["database"], health["broker"]) == ("not ready", False, True)


async def test_the_openapi_document_names_every_refusal(client: httpx.AsyncClient) -> None:
    document = (await client.get("/api/openapi.json", headers=bearer())).json()

    turning = document["paths"][CONFIG]["post"]
    assert set(turning["responses"]) == {"200", "401", "403", "408", "409", "413", "415", "422", "429", "500", "503"}
    for response in document["components"]["responses"].values():
        assert list(response["content"]) == [PROBLEM]
    assert {"Problem", "ProblemField", "ConfigChanged"} <= document["components"]["schemas"].keys()
    assert turning["security"] == [{"HTTPBearer": []}]


async def test_whoever_has_looked_too_often_may_still_follow_the_live_stream() -> None:
    limits, reached = throttle(reads=1), []

    async def application(scope: Any, _receive: Any, _send: Any) -> None:
        reached.append(scope["type"])

    guard = Guard(application, tokens=TokenVerifier(TOKENS), throttle=limits)
    for _ in range(3):
        await guard({"type": "websocket", "path": f"{CONFIG}/stream", "headers": []}, _silence, _nothing)

    assert reached == ["websocket"] * 3


async def test_a_caller_who_goes_before_the_whole_body_has_come_changes_nothing() -> None:
    sent: list[Any] = []
    incoming: list[Any] = [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": b'{"new_risk_percent": 99}', "more_body": True},
    ]

    async def receive() -> Any:
        return incoming.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    async def reached(_scope: Any, _receive: Any, _send: Any) -> None:
        sent.append("the application was reached")

    headers = [(name.lower().encode(), value.encode()) for name, value in bearer().items()]
    await Guard(reached, tokens=TokenVerifier(TOKENS), throttle=throttle())(
        {"type": "http", "method": "POST", "path": CONFIG, "headers": headers}, receive, send
    )

    assert sent[0]["status"] == 408
    assert "the application was reached" not in sent


async def _silence() -> Any:
    raise AssertionError("nothing is to be read")


async def _nothing(_message: Any) -> None:
    raise AssertionError("nothing is to be sent")
