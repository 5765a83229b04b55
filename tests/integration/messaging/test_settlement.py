"""What becomes of a message on the broker: its reply, its copies, its parking."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage
from prometheus_client import REGISTRY

from dev.waiting import eventually
from shared.messaging.delivery import Delivery
from shared.messaging.outcomes import Ack, Event, Outcome, Park, Reply, Retry
from shared.messaging.topology import (
    ACCOUNTS,
    EVENTS,
    KEY_SIZING_DECIDED,
    KEY_SIZING_REQUEST,
    RETRY,
    SIZING,
    parked_name,
    reply_queue_name,
    retry_name,
)
from tests import builders
from tests.counting import Counted
from tests.integration.messaging.place import Place, Recorder, Sender, consuming

REQUEST = builders.request_document(user_id="u-1")
KINDS = ("queue", "type", "outcome", "reason")
ANSWER = Ack(Reply("sizing.decision.v1", b'{"answer": 1}'))


async def ask(sender: Sender, **properties: Any) -> str:
    return await sender.send(REQUEST, exchange=SIZING, key=KEY_SIZING_REQUEST, name="sizing.request.v1", **properties)


async def retried(worker: Sender, *, attempt: int) -> None:
    """A copy as the service itself makes one, in the queue of the shortest delay."""
    headers = {"x-lotwise-attempt": attempt, "x-lotwise-user-id": "bridge-7"}
    await worker.snapshot(exchange=RETRY, key=retry_name(ACCOUNTS, 1), headers=headers)


def headers_of(message: AbstractIncomingMessage) -> dict[str, Any]:
    """The headers that the message was published with; the broker adds one of its own."""
    return {name: value for name, value in message.headers.items() if name != "x-delivery-count"}


async def own_queue(sender: Sender, instance: str = "1") -> aio_pika.abc.AbstractQueue:
    return await sender.channel.declare_queue(reply_queue_name(sender.user, instance), exclusive=True)


async def next_of(queue: aio_pika.abc.AbstractQueue) -> AbstractIncomingMessage:
    async def look() -> AbstractIncomingMessage | None:
        return await queue.get(no_ack=True, fail=False)

    found = await eventually(look)
    assert found is not None
    return found


async def test_a_reply_goes_to_direct_reply_to(place: Place) -> None:
    sender = await place.sender("signal-engine")
    replies: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    direct = await sender.channel.get_queue("amq.rabbitmq.reply-to", ensure=False)
    await direct.consume(replies.put, no_ack=True)
    async with consuming(place, Recorder(lambda _: ANSWER), queue=SIZING, role="sizing-worker"):
        await ask(sender, reply_to="amq.rabbitmq.reply-to", correlation_id="c-1", headers={"traceparent": "00-a"})

        reply = await asyncio.wait_for(replies.get(), 10)

    assert (reply.body, reply.type, reply.content_type) == (
        b'{"answer": 1}',
        "sizing.decision.v1",
        "application/json",
    )
    assert (reply.correlation_id, reply.headers) == ("c-1", {"traceparent": "00-a"})
    assert reply.user_id == place.user("sizing-worker")


async def test_a_direct_reply_that_was_delivered_is_not_counted_as_lost(place: Place) -> None:
    """The broker returns a mandatory one, delivered or not."""
    sender, handler = await place.sender("signal-engine"), Recorder(lambda _: ANSWER)
    direct = await sender.channel.get_queue("amq.rabbitmq.reply-to", ensure=False)
    await direct.consume(asyncio.Queue[AbstractIncomingMessage]().put, no_ack=True)
    before = undeliverable()
    async with consuming(place, handler, queue=SIZING, role="sizing-worker") as running:
        await ask(sender, reply_to="amq.rabbitmq.reply-to")
        await handler.until_count(1)
        await running.drained()

    assert undeliverable() == before


def undeliverable() -> float | None:
    return REGISTRY.get_sample_value("lotwise_replies_undeliverable_total")


async def test_a_reply_goes_to_the_requesters_own_queue(place: Place) -> None:
    sender = await place.sender("signal-engine")
    queue = await own_queue(sender)
    async with consuming(place, Recorder(lambda _: ANSWER), queue=SIZING, role="sizing-worker"):
        message_id = await ask(sender, reply_to=queue.name)

        reply = await next_of(queue)

    assert (reply.body, reply.correlation_id) == (b'{"answer": 1}', message_id)


async def test_the_same_reply_sent_again_has_the_same_message_id(place: Place) -> None:
    sender = await place.sender("signal-engine")
    queue = await own_queue(sender)
    async with consuming(place, Recorder(lambda _: ANSWER), queue=SIZING, role="sizing-worker"):
        await ask(sender, reply_to=queue.name)
        await ask(sender, reply_to=queue.name)

        first, second = await next_of(queue), await next_of(queue)

    assert first.message_id == second.message_id


@pytest.mark.parametrize("victim", ["lotwise.accounts", "lotwise.sizing.dead", "lotwise.reply.somebody-else.1"])
async def test_nothing_is_written_into_a_queue_that_is_not_the_requesters(place: Place, victim: str) -> None:
    sender, handler = await place.sender("signal-engine"), Recorder(lambda _: ANSWER)
    await (await place.operator()).declare_queue("lotwise.reply.somebody-else.1", exclusive=True)
    async with consuming(place, handler, queue=SIZING, role="sizing-worker") as running:
        await ask(sender, reply_to=victim)
        await handler.until_count(1)
        await running.drained()

    assert await place.is_empty(victim)
    assert await place.is_empty(SIZING)


async def test_a_reply_whose_queue_is_gone_costs_nothing_and_is_counted(place: Place) -> None:
    before = undeliverable()
    sender, handler = await place.sender("signal-engine"), Recorder(lambda _: ANSWER)
    async with consuming(place, handler, queue=SIZING, role="sizing-worker") as running:
        await ask(sender, reply_to=reply_queue_name(sender.user, "gone"))
        await handler.until_count(1)
        await running.drained()

    assert await place.is_empty(SIZING)
    assert await place.is_empty(parked_name(SIZING))
    assert undeliverable() == (before or 0) + 1


async def test_a_publish_that_was_not_confirmed_is_counted_by_its_error(place: Place) -> None:
    sender, handler = await place.sender("signal-engine"), Recorder(lambda _: ANSWER)
    faults = Counted("lotwise_publish_faults_total")
    async with consuming(place, handler, queue=SIZING, role="sizing-worker") as running:
        await ask(sender, reply_to=reply_queue_name(sender.user, "gone"))
        await handler.until_count(1)
        await running.drained()

    assert faults.by("error") == {("UnroutableError",): 1}


async def test_a_request_without_reply_to_gets_no_reply(place: Place) -> None:
    sender, handler = await place.sender("signal-engine"), Recorder(lambda _: ANSWER)
    async with consuming(place, handler, queue=SIZING, role="sizing-worker") as running:
        await ask(sender)
        await handler.until_count(1)
        await running.drained()

    assert await place.is_empty(SIZING)


async def test_a_parked_message_keeps_its_body_and_says_why_and_from_whom(place: Place) -> None:
    sender = await place.sender("ea-bridge")
    park = Park("captured_in_future", "captured_at is 60 s ahead")
    async with consuming(place, Recorder(lambda _: park)):
        sent = await sender.snapshot(
            correlation_id="c-1", headers={"traceparent": "00-a", "authorization": "Bearer x", "x-other": "1"}
        )

        parked = await place.take(parked_name(ACCOUNTS))

    assert json.loads(parked.body)["user_id"] == "u-1"
    assert (parked.message_id, parked.type, parked.correlation_id) == (sent, "account.snapshot.v1", "c-1")
    assert parked.user_id == place.user("sync-consumer")
    assert parked.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert headers_of(parked) == {
        "traceparent": "00-a",
        "x-lotwise-reason": "captured_in_future",
        "x-lotwise-detail": "captured_at is 60 s ahead",
        "x-lotwise-user-id": place.user("ea-bridge"),
    }


async def test_a_message_that_cannot_be_read_is_parked_with_its_bytes_as_they_came(place: Place) -> None:
    sender = await place.sender("ea-bridge")
    async with consuming(place, Recorder(lambda _: Park("invalid_message"))):
        await sender.send(b"\xff\x00 not JSON", content_type="text/plain")

        parked = await place.take(parked_name(ACCOUNTS))

    assert parked.body == b"\xff\x00 not JSON"


async def test_what_is_parked_is_counted_with_its_reason(place: Place) -> None:
    sender, messages = await place.sender("ea-bridge"), Counted("lotwise_messages_total")
    handler = Recorder(lambda _: Park("captured_in_future"))
    async with consuming(place, handler) as running:
        await sender.snapshot()
        await handler.until_count(1)
        await running.drained()

    assert messages.by(*KINDS) == {(ACCOUNTS, "account.snapshot.v1", "park", "captured_in_future"): 1}


@pytest.mark.parametrize("name", ["account.made-up.v9", None])
async def test_a_type_that_is_none_of_ours_is_counted_as_unknown(place: Place, name: str | None) -> None:
    sender, messages = await place.sender("ea-bridge"), Counted("lotwise_messages_total")
    handler = Recorder(lambda _: Park("invalid_message"))
    async with consuming(place, handler) as running:
        await sender.snapshot(name=name)
        await handler.until_count(1)
        await running.drained()

    assert messages.by(*KINDS) == {(ACCOUNTS, "unknown", "park", "invalid_message"): 1}


async def test_a_parked_request_gets_its_reply_too(place: Place) -> None:
    sender = await place.sender("signal-engine")
    queue = await own_queue(sender)
    park = Park("invalid_message", reply=Reply("sizing.decision.v1", b"{}"))
    async with consuming(place, Recorder(lambda _: park), queue=SIZING, role="sizing-worker"):
        await ask(sender, reply_to=queue.name)

        assert (await next_of(queue)).body == b"{}"
        assert (await place.take(parked_name(SIZING))).headers["x-lotwise-reason"] == "invalid_message"


@pytest.mark.parametrize("header", ["CC", "BCC"])
async def test_a_copy_is_not_sent_where_the_sender_pointed_it(place: Place, header: str) -> None:
    """As one who may write everywhere would send it; to the bridge the broker itself refuses it."""
    sender, operator = await place.sender("operator"), await place.operator()
    await operator.declare_queue("elsewhere", exclusive=True)
    async with consuming(place, Recorder(lambda _: Park("invalid_message"))) as running:
        await sender.snapshot(user_id=None, headers={header: ["elsewhere", "lotwise.config"]})
        parked = await place.take(parked_name(ACCOUNTS))
        await running.drained()

    assert header not in parked.headers
    assert await place.is_empty("elsewhere")


async def test_what_is_retried_waits_and_comes_back_with_its_attempts_and_its_sender(place: Place) -> None:
    sender = await place.sender("ea-bridge")
    handler = Recorder(lambda delivery: Retry("not_yet") if delivery.attempt == 0 else Ack())
    async with consuming(place, handler) as running:
        sent = await sender.snapshot(headers={"traceparent": "00-a"}, correlation_id="c-1")

        await handler.until_count(2)
        await running.drained()

    first, second = handler.deliveries
    assert [first.attempt, second.attempt] == [0, 1]
    assert str(second.message_id) == sent
    assert (second.content, second.sender, second.correlation_id) == (first.content, first.sender, first.correlation_id)
    assert (second.sent_at, second.trace) == (first.sent_at, first.trace)
    assert await place.is_empty(ACCOUNTS)


async def test_what_is_retried_is_counted_with_its_reason_and_once_more_when_it_is_done(place: Place) -> None:
    sender, messages = await place.sender("ea-bridge"), Counted("lotwise_messages_total")
    handler = Recorder(lambda delivery: Retry("not_yet") if delivery.attempt == 0 else Ack())
    async with consuming(place, handler) as running:
        await sender.snapshot()
        await handler.until_count(2)
        await running.drained()

    assert messages.by(*KINDS) == {
        (ACCOUNTS, "account.snapshot.v1", "retry", "not_yet"): 1,
        (ACCOUNTS, "account.snapshot.v1", "ack", ""): 1,
    }


async def test_a_copy_that_waits_for_its_retry_carries_no_authorization(place: Place) -> None:
    sender = await place.sender("ea-bridge")
    async with consuming(place, Recorder(lambda _: Retry("not_yet"))):
        await sender.snapshot(headers={"authorization": "Bearer x", "traceparent": "00-a"})

        waiting = await place.take(retry_name(ACCOUNTS, 1))

    assert headers_of(waiting).keys() == {"traceparent", "x-lotwise-attempt", "x-lotwise-reason", "x-lotwise-user-id"}


async def test_a_retried_request_still_gets_its_reply(place: Place) -> None:
    sender = await place.sender("signal-engine")
    queue = await own_queue(sender)
    handler = Recorder(lambda delivery: Retry("not_yet") if delivery.attempt == 0 else ANSWER)
    async with consuming(place, handler, queue=SIZING, role="sizing-worker"):
        await ask(sender, reply_to=queue.name)

        assert (await next_of(queue)).body == b'{"answer": 1}'


@pytest.mark.parametrize(("attempt", "queue"), [(1, "5s"), (2, "30s")])
async def test_each_further_attempt_waits_longer(place: Place, attempt: int, queue: str) -> None:
    worker = await place.sender("sync-consumer")
    async with consuming(place, Recorder(lambda _: Retry("not_yet"))):
        await retried(worker, attempt=attempt)

        waiting = await place.take(retry_name(ACCOUNTS, int(queue.removesuffix("s"))))

    assert headers_of(waiting) == {
        "x-lotwise-attempt": attempt + 1,
        "x-lotwise-reason": "not_yet",
        "x-lotwise-user-id": "bridge-7",
    }


async def test_after_the_last_attempt_it_is_parked_with_its_reason(place: Place) -> None:
    worker = await place.sender("sync-consumer")
    async with consuming(place, Recorder(lambda _: Retry("not_yet"))):
        await retried(worker, attempt=3)

        parked = await place.take(parked_name(ACCOUNTS))

    assert headers_of(parked) == {
        "x-lotwise-reason": "not_yet",
        "x-lotwise-detail": "failed 4 times",
        "x-lotwise-user-id": "bridge-7",
    }


async def test_what_failed_its_last_attempt_is_counted_as_parked(place: Place) -> None:
    worker, messages = await place.sender("sync-consumer"), Counted("lotwise_messages_total")
    handler = Recorder(lambda _: Retry("not_yet"))
    async with consuming(place, handler) as running:
        await retried(worker, attempt=3)
        await handler.until_count(1)
        await running.drained()

    assert messages.by("outcome", "reason") == {("park", "not_yet"): 1}


async def test_attempts_and_senders_forged_by_another_user_are_ignored(place: Place) -> None:
    sender = await place.sender("ea-bridge")
    handler = Recorder(lambda _: Retry("not_yet"))
    async with consuming(place, handler):
        await sender.snapshot(headers={"x-lotwise-attempt": 3, "x-lotwise-user-id": "owner"})

        waiting = await place.take(retry_name(ACCOUNTS, 1))

    assert waiting.headers["x-lotwise-attempt"] == 1
    assert waiting.headers["x-lotwise-user-id"] == place.user("ea-bridge")


async def test_a_bug_in_one_message_of_a_batch_harms_only_itself(place: Place) -> None:
    sender, handled = await place.sender("ea-bridge"), Recorder()
    for login in (1, 2, 3):
        await sender.snapshot(login=login)

    async def handler(deliveries: Sequence[Delivery]) -> list[Outcome]:
        if any(delivery.content.account.login == 2 for delivery in deliveries):  # type: ignore[union-attr]
            raise ZeroDivisionError
        return await handled(deliveries)

    async with consuming(place, handler) as running:
        waiting = await place.take(retry_name(ACCOUNTS, 1))
        await handled.until_count(2)
        await running.drained()

    assert handled.logins == [1, 3]
    assert json.loads(waiting.body)["account"]["login"] == 2
    assert waiting.headers["x-lotwise-reason"] == "internal_error"
    assert await place.is_empty(ACCOUNTS)


async def test_a_handler_that_takes_too_long_is_a_bug_of_that_message(place: Place) -> None:
    sender = await place.sender("ea-bridge")

    async def handler(_: Sequence[Delivery]) -> list[Outcome]:
        await asyncio.Event().wait()
        return []

    async with consuming(place, handler, handler_timeout_seconds=0.1):
        await sender.snapshot()

        assert (await place.take(retry_name(ACCOUNTS, 1))).headers["x-lotwise-reason"] == "internal_error"


async def test_an_event_goes_to_whoever_has_bound_a_queue(place: Place) -> None:
    sender, operator = await place.sender("signal-engine"), await place.operator()
    dashboard = await operator.declare_queue("dashboard", exclusive=True)
    await dashboard.bind(EVENTS, KEY_SIZING_DECIDED)
    answer = Ack(events=(Event(KEY_SIZING_DECIDED, "sizing.decision.v1", b'{"answer": 1}'),))
    async with consuming(place, Recorder(lambda _: answer), queue=SIZING, role="sizing-worker"):
        await ask(sender, correlation_id="c-1")

        event = await next_of(dashboard)

    assert (event.body, event.type, event.correlation_id) == (b'{"answer": 1}', "sizing.decision.v1", "c-1")


async def test_an_event_that_may_not_be_published_delays_nothing(place: Place) -> None:
    """Not even one that its own role may not publish, which closes the channel of the events."""
    sender, handler = (
        await place.sender("ea-bridge"),
        Recorder(lambda _: Ack(events=(Event("no.such.key", "x", b"{}"),))),
    )
    async with consuming(place, handler) as running:
        for login in (1, 2, 3):
            await sender.snapshot(login=login)
        await handler.until_count(3)
        await running.drained()

    assert await place.is_empty(ACCOUNTS)
