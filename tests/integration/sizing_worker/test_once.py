"""A request is decided once, whoever asks again, in whichever batch, at whichever worker."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.errors import DependencyError
from shared.messaging.delivery import Delivery
from shared.schemas.sizing import SizingRequest
from tests import builders
from tests.integration.deliveries import delivered, unread
from tests.integration.sizing_worker.desk import Desk, Worker, request


async def test_the_same_request_again_gets_the_same_bytes_and_no_second_row(open_desk: Desk) -> None:
    asked = request()

    first = await open_desk.bodies(asked)
    again = await open_desk.bodies(asked)

    assert first == again
    assert len(await open_desk.audit()) == 1
    assert len(await open_desk.rows("SELECT * FROM decisions")) == 1


async def test_another_worker_gives_the_same_bytes(open_desk: Desk) -> None:
    asked = request()

    assert await open_desk.bodies(asked) == await Worker(open_desk.database).bodies(asked)


async def test_twice_within_one_batch_is_decided_once(open_desk: Desk) -> None:
    asked = request()

    first, second, third = await open_desk.bodies(asked, request(), asked)

    assert first == third != second
    assert len(await open_desk.audit()) == 2


async def test_the_answer_stays_when_the_account_has_changed(open_desk: Desk) -> None:
    asked = request()
    first = await open_desk.bodies(asked)

    await open_desk.account(balance="1.00")

    assert await open_desk.bodies(asked) == first
    assert await open_desk.codes(request()) == ["below_minimum_volume"]


async def test_a_refusal_is_final_too(desk: Desk) -> None:
    asked = request()
    assert await desk.codes(asked) == ["account_not_found"]

    await desk.account()

    assert await desk.codes(asked) == ["account_not_found"]
    assert await desk.codes(request()) == ["approved"]


@pytest.mark.parametrize(
    "same",
    [
        {"entries": [builders.entry("1950", "1945.0"), builders.entry("1948", "1943"), builders.entry("1946", "1941")]},
        {"conversion_rates": {}},
        {"account": None},
        {"on_insufficient_margin": "reject"},
        {"expires_at": "2099-01-01T00:00:00Z"},
    ],
    ids=str,
)
async def test_what_is_written_differently_and_means_the_same_is_the_same(
    open_desk: Desk, same: dict[str, object]
) -> None:
    request_id = str(uuid4())

    first = await open_desk.bodies(request(request_id=request_id))

    assert await open_desk.bodies(request(request_id=request_id, **same)) == first


@pytest.mark.parametrize(
    "other",
    [
        {"user_id": "u-2"},
        {"setup_id": "setup-002"},
        {"instrument": "XAGUSD"},
        {"side": "sell"},
        {"account": {"login": 7, "server": "Test-MT5"}},
        {"entries": [builders.entry("1950.00", "1945.00")]},
        {"conversion_rates": {"GBPUSD": "1.27"}},
        {"on_insufficient_margin": "shrink"},
    ],
    ids=str,
)
async def test_another_content_under_the_same_id_is_a_conflict_and_leaves_no_row(
    open_desk: Desk, other: dict[str, object]
) -> None:
    asked = request()
    first = await open_desk.bodies(asked)

    (conflict,) = await open_desk.decide(request(**{"request_id": str(asked.request_id), **other}))

    assert (conflict.status, conflict.reasons[0].code) == ("error", "request_id_conflict")
    assert conflict.request_id == asked.request_id
    assert len(await open_desk.audit()) == 1
    assert await open_desk.bodies(asked) == first


async def test_a_conflict_within_one_batch_decides_the_first(open_desk: Desk) -> None:
    asked = request()

    codes = await open_desk.codes(asked, request(request_id=str(asked.request_id), side="sell"), asked)

    assert codes == ["approved", "request_id_conflict", "approved"]
    assert len(await open_desk.audit()) == 1


async def bodies_until_done(worker: Worker, *messages: SizingRequest) -> list[bytes]:
    """As the consumer does: the whole batch again where another worker was in the way."""
    while True:
        try:
            return await worker.bodies(*messages)
        except DependencyError:
            continue


@pytest.mark.parametrize("known", [True, False], ids=["known account", "unknown account"])
async def test_asked_of_many_workers_at_once_it_is_decided_once(desk: Desk, known: bool) -> None:  # noqa: FBT001
    if known:
        await desk.account()
    asked = [request() for _ in range(5)]
    workers = [Worker(desk.database) for _ in range(4)]
    orders = (asked, asked[::-1], asked[2:] + asked[:2], asked)

    answers = await asyncio.gather(
        *(bodies_until_done(worker, *order) for worker, order in zip(workers, orders, strict=True))
    )

    by_request = [
        dict(zip([one.request_id for one in order], answer, strict=True))
        for order, answer in zip(orders, answers, strict=True)
    ]
    assert by_request[0] == by_request[1] == by_request[2] == by_request[3]
    assert len(await desk.audit()) == 5


async def test_two_contents_under_one_id_at_two_workers_end_as_one_decision(open_desk: Desk) -> None:
    asked = request()
    other = request(request_id=str(asked.request_id), side="sell", entries=[builders.entry("1950.00", "1955.00")])
    workers = Worker(open_desk.database), Worker(open_desk.database)

    await asyncio.gather(bodies_until_done(workers[0], asked), bodies_until_done(workers[1], other))

    assert sorted(await open_desk.codes(asked, other)) == ["approved", "request_id_conflict"]
    assert len(await open_desk.audit()) == 1


async def test_a_batch_does_what_its_messages_do_one_by_one(open_desk: Desk) -> None:
    await open_desk.account(8, user_id="u-2", balance="500.00")
    repeated = request()
    batch: list[SizingRequest | Delivery] = [
        repeated,
        request(user_id="u-2"),
        request(user_id="nobody"),
        request(side="sell"),
        request(instrument="XAGUSD"),
        unread("sizing.request.v1", b"{}"),
        repeated,
        delivered(request(), sent_at=datetime.now(UTC) - timedelta(seconds=61)),
    ]

    together = await open_desk.codes(*batch)
    await open_desk.execute("TRUNCATE decisions, decision_records, trade_setup_risk_logs")
    singly = [(await open_desk.codes(message))[0] for message in batch]

    assert together == singly
    assert together == [
        "approved",
        "approved",
        "account_not_found",
        "invalid_stop",
        "unknown_instrument",
        "invalid_message",
        "approved",
        "request_expired",
    ]
    assert len(await open_desk.audit()) == 6


async def test_an_empty_request_id_is_told_as_null(open_desk: Desk) -> None:
    (reply,) = await open_desk.bodies(unread("sizing.request.v1", json.dumps({"setup_id": "s-1"}).encode()))

    assert (json.loads(reply)["request_id"], json.loads(reply)["setup_id"]) == (None, "s-1")
