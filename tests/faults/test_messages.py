"""Messages that come many times, out of order, late, under a false id, or with a false address for the reply."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from dev.waiting import eventually
from shared.client.envelope import request_message, snapshot_message
from shared.client.session import broker_settings
from shared.client.sizing import SizingClient
from shared.messaging.batch_channel import Batch, Publication
from shared.messaging.link import open_link
from shared.messaging.publisher import Outgoing, Publisher
from shared.messaging.topology import CONFIG, SIZING, parked_name
from shared.schemas.sizing import SizingRequest
from tests import builders
from tests.faults.book import Page
from tests.faults.counts import Asked
from tests.faults.publishing import publishing
from tests.faults.system import System, told
from tests.faults.traffic import Traffic, setup
from tests.faults.trial import trial

BACK_WITHIN_S = 20.0
COPIES = 10
ORIGINALS = 100
SNAPSHOTS = 5
FIRST_LOGIN = 1000
"""Of the accounts that steady traffic leaves alone."""
SKEW = timedelta(minutes=10)
CONFLICTS = 20


@pytest.mark.fault(30, "100 requests and 100 snapshots ten times each, shuffled")
async def test_duplicates_in_any_order_have_one_effect(guest: System, page: Page) -> None:
    urls = guest.workspace.virtual_host.role_urls
    async with (
        publishing(urls["signal-engine"]) as engine,
        publishing(urls["ea-bridge"]) as bridge,
        trial(guest, page, within_s=BACK_WITHIN_S) as traffic,
    ):
        snapshots = [traffic.new_snapshot(login=number % 20 + 1) for number in range(ORIGINALS)]
        requests = [setup(number % 20 + 1) for number in range(ORIGINALS)]
        await asyncio.gather(
            _publish_all(bridge, _shuffled([message for _, message in snapshots])),
            _publish_all(engine, _shuffled([request_message(request) for request in requests])),
        )
        traffic.requests += [Asked(request, confirmed=True) for request in requests]
        for sent, _ in snapshots:
            sent.confirmed = True


def _shuffled(messages: list[Outgoing]) -> list[Outgoing]:
    copies = messages * COPIES
    random.Random(COPIES).shuffle(copies)  # noqa: S311 - to be repeated, not to be secret
    return copies


async def _publish_all(publisher: Publisher, messages: list[Outgoing]) -> None:
    for message in messages:
        await publisher.publish(message)


@pytest.mark.fault(31, "five snapshots in each of their 120 orders")
async def test_in_whatever_order_snapshots_come_the_newest_stands(guest: System, page: Page) -> None:
    async with trial(guest, page, within_s=BACK_WITHIN_S) as traffic:
        await asyncio.gather(
            *(
                _report_in_order(traffic, FIRST_LOGIN + number, order)
                for number, order in enumerate(permutations(range(SNAPSHOTS)))
            )
        )


async def _report_in_order(traffic: Traffic, login: int, order: tuple[int, ...]) -> None:
    first_at = datetime.now(UTC) - timedelta(minutes=1)
    for number in order:
        await traffic.publish(*traffic.new_snapshot(login, captured_at=first_at + timedelta(seconds=number)))


@pytest.mark.fault(34, "a request's id again, with another content")
async def test_an_id_used_again_for_something_else_is_refused_and_changes_nothing(guest: System, page: Page) -> None:
    url = guest.workspace.virtual_host.role_urls["signal-engine"]
    async with trial(guest, page, within_s=BACK_WITHIN_S) as traffic, SizingClient(url) as another:
        for number in range(CONFLICTS):
            asked = await traffic.ask(setup(number % 20 + 1))
            forged = asked.request.model_copy(update={"setup_id": "another"})
            decision = await another.size(forged)
            assert [reason.code for reason in decision.reasons] == ["request_id_conflict"]


@pytest.mark.fault(35, "senders whose clocks are ten minutes slow and fast, and a request that has expired")
async def test_clocks_that_are_wrong_expire_requests_and_hold_no_account_back(guest: System, page: Page) -> None:
    urls = guest.workspace.virtual_host.role_urls
    now = datetime.now(UTC)
    guilty: set[str] = set()
    async with trial(guest, page, within_s=BACK_WITHIN_S, guilty=guilty) as traffic:
        slow = await _ask_at(guest, traffic, _without_end(1), at=now - SKEW)
        fast = await _ask_at(guest, traffic, _without_end(1), at=now + SKEW)
        late = await traffic.ask(setup(1).model_copy(update={"expires_at": now - SKEW}))
        async with publishing(urls["ea-bridge"]) as bridge:
            future = snapshot_message(builders.snapshot(user_id="u-1", login=1, captured_at=(now + SKEW).isoformat()))
            guilty.add(future.message_id)
            await bridge.publish(future)
            await _until_settled(guest, future.message_id)
        await traffic.publish(*traffic.new_snapshot(FIRST_LOGIN, captured_at=now - SKEW))
    assert _codes(slow) == _codes(late) == ["request_expired"]
    assert "request_expired" not in _codes(fast)
    reasons = [entry["reason"] for process in guest.of("sync_consumer") for entry in told(process, "message.settled")]
    assert reasons.count("captured_in_future") == 1


def _without_end(login: int) -> SizingRequest:
    return setup(login).model_copy(update={"expires_at": None})


async def _ask_at(system: System, traffic: Traffic, request: SizingRequest, *, at: datetime) -> Asked:
    """Send a request under a time of the sender's own; once it is decided, ask for what was."""
    async with publishing(system.workspace.virtual_host.role_urls["signal-engine"]) as engine:
        await engine.publish(replace(request_message(request), sent_at=at))
    await _until_settled(system, str(request.request_id))
    return await traffic.ask(request)


async def _until_settled(system: System, message_id: str) -> None:
    async def look() -> bool:
        settled = [entry for process in system.services for entry in told(process, "message.settled")]
        return any(entry["message_id"] == message_id for entry in settled)

    await eventually(look, timeout_s=30)


def _codes(asked: Asked) -> list[str]:
    return [reason.code for reason in asked.replies[-1].reasons]


@pytest.mark.fault(37, "replies asked for where the sender may not write, and copies to others")
async def test_nobody_is_made_to_write_where_the_sender_may_not(guest: System, page: Page) -> None:
    settings = broker_settings(guest.workspace.virtual_host.role_urls["signal-engine"])
    others = guest.workspace.users["owner"]
    forbidden = (
        SIZING,
        CONFIG,
        parked_name(CONFIG),
        "lotwise.config.changed",
        f"lotwise.reply.{others}.1",
        "amq.gen-x",
    )
    guilty: set[str] = set()
    async with trial(guest, page, within_s=BACK_WITHIN_S, guilty=guilty) as traffic:
        async with publishing(settings.amqp_url.get_secret_value()) as engine:
            for name in forbidden:
                message = replace(request_message(setup(1)), reply_to=name)
                guilty.add(message.message_id)
                await engine.publish(message)
                await _until_settled(guest, message.message_id)
            unclaimed = setup(1)
            await engine.publish(replace(request_message(unclaimed), reply_to="amq.rabbitmq.reply-to.nobody"))
            traffic.requests.append(Asked(unclaimed, confirmed=True))
        copied = setup(1)
        async with open_link(settings, name="copies") as link:
            channel = await link.open_batch_channel(publisher_confirms=True)
            batch = Batch([_with_copies(copied, settings.user)])
            await channel.publish_batch(batch)
        assert batch.verdicts == ["confirmed"]
        traffic.requests.append(Asked(copied, confirmed=True))
    settled = [entry for process in guest.of("sizing_worker") for entry in told(process, "message.settled")]
    assert {entry["message_id"] for entry in settled if entry["outcome"] == "park"} == guilty


def _with_copies(request: SizingRequest, user: str) -> Publication:
    publication = request_message(request).publication(user)
    publication.properties.headers = {"CC": ["sizing.outcome", CONFIG], "BCC": ["config.command"]}
    return publication
