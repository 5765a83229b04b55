"""A call that is cut, or that nobody answers: the client sends again by itself, and what was sent twice has one
effect."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from dev.waiting import eventually
from services.config_service.changes import Changes
from services.config_service.handler import CommandHandler
from shared.client import ConfigClient, NoReplyError, NotConfirmedError, SizingClient, SnapshotPublisher
from shared.messaging.topology import ACCOUNTS, CONFIG, SIZING
from shared.tokens import TokenVerifier, issue_token
from tests import builders
from tests.application import TOKENS
from tests.desk import USER, Desk
from tests.e2e.proxy import HoldingProxy
from tests.integration.messaging.place import Place, consuming

TIMEOUT_S = 20.0
DECISIONS = "SELECT * FROM decisions"
AUDIT = "SELECT setup_approved, rejection_reason FROM trade_setup_risk_logs"
HISTORY = "SELECT * FROM risk_configuration_history WHERE config_version > 1"
COMMANDS = frozenset({"config.command.v1"})


@pytest.fixture
async def desk(emptied_database: AsyncEngine) -> Desk:
    """The sizing worker's handler, and an account to size on."""
    made = Desk(emptied_database)
    await made.report()
    await made.publish()
    return made


async def until_there(desk: Desk, query: str) -> None:
    await eventually(lambda: desk.rows(query))


async def test_a_request_whose_reply_is_lost_with_its_connection_is_answered_and_decided_once(
    place: Place, desk: Desk
) -> None:
    request = builders.request(user_id=USER)
    async with (
        consuming(place, desk.worker, queue=SIZING, role="sizing-worker"),
        HoldingProxy(place.url("signal-engine"), name="sizing client requests") as proxy,
        SizingClient(proxy.url) as client,
    ):
        await client.size(builders.request(user_id="nobody"), timeout_s=TIMEOUT_S)  # the connection is up
        proxy.hold()
        asking = asyncio.create_task(client.size(request, timeout_s=TIMEOUT_S))
        await until_there(desk, f"{DECISIONS} WHERE request_id = '{request.request_id}'")
        await proxy.cut()
        proxy.release()
        decision = await asking
    assert (decision.request_id, decision.status) == (request.request_id, "approved")
    assert [row.setup_approved for row in await desk.rows(f"{AUDIT} WHERE request_id = '{request.request_id}'")] == [
        True
    ]


async def test_a_command_whose_reply_is_lost_with_its_connection_is_applied_once(
    place: Place, emptied_database: AsyncEngine
) -> None:
    desk = Desk(emptied_database)
    handler = CommandHandler(Changes(emptied_database, command_s=30, timeout_s=5), tokens=TokenVerifier(TOKENS))
    token = issue_token(TOKENS, user="owner-1", role="owner", lifetime_s=600)
    async with (
        consuming(place, handler, queue=CONFIG, role="config-service", accepts=COMMANDS),
        HoldingProxy(place.url("owner"), name="config client") as proxy,
        ConfigClient(proxy.url, token=token) as client,
    ):
        await client.set_risk_percent(Decimal(2), timeout_s=TIMEOUT_S)  # the connection is up
        proxy.hold()
        turning = asyncio.create_task(client.set_risk_percent(Decimal("2.5"), timeout_s=TIMEOUT_S))
        await until_there(desk, f"{HISTORY} AND fixed_risk_percent = 2.5")
        await proxy.cut()
        proxy.release()
        result = await turning
    assert (result.status, result.config_version) == ("applied", 3)
    assert len(await desk.rows(HISTORY)) == 2


async def test_a_snapshot_whose_confirmation_is_lost_is_published_again_as_the_same_message(place: Place) -> None:
    snapshot = builders.snapshot(user_id=USER, login=7)
    async with (
        HoldingProxy(place.url("ea-bridge"), name="snapshot publisher") as proxy,
        SnapshotPublisher(proxy.url) as publisher,
    ):
        await publisher.publish(builders.snapshot(user_id=USER, login=6))  # the connection is up
        await place.take(ACCOUNTS)
        proxy.hold()
        publishing = asyncio.create_task(publisher.publish(snapshot, timeout_s=TIMEOUT_S))
        first = await place.take(ACCOUNTS)
        await proxy.cut()
        proxy.release()
        await publishing
    again = await place.take(ACCOUNTS)
    assert (again.message_id, again.body, again.timestamp) == (first.message_id, first.body, first.timestamp)


async def test_a_request_that_nobody_answers_in_time_expires_and_binds_no_margin(place: Place, desk: Desk) -> None:
    request = builders.request(user_id=USER)
    async with SizingClient(place.url("signal-engine")) as client:
        with pytest.raises(NoReplyError, match=rf"no reply to sizing\.request\.v1 {request.request_id} within 0\.5 s"):
            await client.size(request, timeout_s=0.5)
        async with consuming(place, desk.worker, queue=SIZING, role="sizing-worker"):
            await until_there(desk, AUDIT)
            asked_again = await client.size(request, timeout_s=TIMEOUT_S)
    assert [reason.code for reason in asked_again.reasons] == ["request_expired"]
    assert [row.rejection_reason for row in await desk.rows(AUDIT)] == ["request_expired"]
    assert await desk.rows("SELECT * FROM margin_reservations") == []


async def test_two_clients_that_ask_the_same_get_the_same_and_each_its_own(place: Place, desk: Desk) -> None:
    same = builders.request(user_id=USER)
    own = [builders.request(user_id="nobody"), builders.request(user_id="somebody")]
    url = place.url("signal-engine")
    async with (
        consuming(place, desk.worker, queue=SIZING, role="sizing-worker"),
        SizingClient(url) as one,
        SizingClient(url) as other,
    ):
        asking = [one.size(same), other.size(same), one.size(own[0]), other.size(own[1])]
        first, second, *theirs = await asyncio.gather(*asking)
    assert first == second
    assert first.status == "approved"
    assert [decision.user_id for decision in theirs] == ["nobody", "somebody"]
    assert len(await desk.rows(DECISIONS)) == 3


async def test_at_the_deadline_the_caller_learns_what_was_in_the_way(place: Place) -> None:
    channel = await place.operator()
    await (await channel.get_queue(SIZING, ensure=False)).delete(if_unused=False, if_empty=False)
    async with SizingClient(place.url("signal-engine")) as client:
        with pytest.raises(NoReplyError, match=r"the last trouble: no queue takes 'lotwise\.sizing' 'sizing\.request'"):
            await client.size(builders.request(user_id=USER), timeout_s=0.5)


async def test_a_snapshot_that_nobody_takes_ends_in_one_error_at_the_deadline(place: Place) -> None:
    async with (
        HoldingProxy(place.url("ea-bridge"), name="snapshot publisher") as proxy,
        SnapshotPublisher(proxy.url) as publisher,
    ):
        proxy.hold()
        with pytest.raises(NotConfirmedError, match=r"^account\.snapshot\.v1 \S+ was not confirmed within 0\.5 s"):
            await publisher.publish(builders.snapshot(user_id=USER, login=7), timeout_s=0.5)
