"""From the producer's traceparent through the worker and the database to the reply, with a real broker and database."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import text

from dev.waiting import eventually
from shared.messaging.outcomes import Ack, Outcome
from shared.messaging.topology import DIRECT_REPLY_TO, KEY_SIZING_REQUEST, SIZING
from tests import builders
from tests.integration.messaging.place import Place, Sender, consuming
from tests.integration.sizing_worker.desk import Desk, request
from tests.integration.tracing.traces import Producer, Traces, links, parent_id, span_id, trace_id


class Engine:
    """A signal engine: sends requests in its own context, and takes the replies."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._replies: list[Any] = []

    async def listen(self) -> None:
        """Take replies from here on."""
        replies = await self._sender.channel.get_queue(DIRECT_REPLY_TO, ensure=False)
        await replies.consume(self._take, no_ack=True)

    async def ask(self, body: bytes, **headers: str) -> str:
        """Send a request; the correlation id that its reply will have."""
        correlation_id = str(uuid4())
        await self._sender.send(
            body,
            exchange=SIZING,
            key=KEY_SIZING_REQUEST,
            name="sizing.request.v1",
            reply_to=DIRECT_REPLY_TO,
            correlation_id=correlation_id,
            headers=headers,
        )
        return correlation_id

    async def traceparent(self, correlation_id: str) -> tuple[str, ...]:
        """The context that the reply carries, in its parts."""

        async def look() -> list[str]:
            return [str(r.headers["traceparent"]) for r in self._replies if r.correlation_id == correlation_id]

        (traceparent,) = await eventually(look)
        return tuple(traceparent.split("-"))

    async def _take(self, message: Any) -> None:
        self._replies.append(message)


@pytest.fixture
async def engine(place: Place) -> Engine:
    """One that listens."""
    made = Engine(await place.sender("signal-engine"))
    await made.listen()
    return made


def body(**fields: Any) -> bytes:
    return request(**fields).to_json()


async def test_one_trace_leads_from_the_request_through_the_database_to_the_reply(
    place: Place, engine: Engine, traces: Traces
) -> None:
    producer = Producer.new()
    async with consuming(place, traces.handler, queue=SIZING, role="sizing-worker"):
        asked = await engine.ask(body(), traceparent=producer.traceparent, tracestate="vendor=1")
        replied = await engine.traceparent(asked)

    (processing,) = traces.of(SpanKind.CONSUMER)
    statements = traces.of(SpanKind.CLIENT)
    assert (trace_id(processing), parent_id(processing)) == (producer.trace_id, producer.span_id)
    assert {(trace_id(span), parent_id(span)) for span in statements} == {(producer.trace_id, span_id(processing))}
    assert any("INSERT INTO decisions" in str(span.attributes) for span in statements)
    assert replied == ("00", producer.trace_id, span_id(processing), "01")


async def test_a_messages_span_is_described_by_the_conventions(place: Place, engine: Engine, traces: Traces) -> None:
    async with consuming(place, traces.handler, queue=SIZING, role="sizing-worker"):
        asked = await engine.ask(body())
        await engine.traceparent(asked)

    (span,) = traces.of(SpanKind.CONSUMER)
    attributes = dict(span.attributes or {})
    assert span.name == "process lotwise.sizing"
    assert attributes.pop("messaging.message.id")
    assert attributes == {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "lotwise.sizing",
        "messaging.message.conversation_id": asked,
        "lotwise.message.type": "sizing.request.v1",
        "lotwise.attempt": 0,
        "lotwise.outcome": "ack",
    }
    assert span.resource.attributes["service.name"] == "sizing_worker"


async def test_messages_of_one_transaction_each_stay_in_their_own_trace_and_are_linked_with_the_batch(
    desk: Desk, traces: Traces
) -> None:
    producers = [Producer.new(), Producer.new()]
    deliveries = [builders.delivery(request(), trace={"traceparent": producer.traceparent}) for producer in producers]

    outcomes = await traces.handler(deliveries)

    (batch,) = traces.of(SpanKind.INTERNAL)
    messages = traces.of(SpanKind.CONSUMER)
    assert [(trace_id(span), parent_id(span)) for span in messages] == [(p.trace_id, p.span_id) for p in producers]
    assert links(batch) == {span_id(span) for span in messages}
    assert [links(span) for span in messages] == [{span_id(batch)}] * 2
    assert batch.attributes is not None
    assert batch.attributes["messaging.batch.message_count"] == 2
    assert {parent_id(span) for span in traces.of(SpanKind.CLIENT)} == {span_id(batch)}
    assert [carried(outcome) for outcome in outcomes] == [
        f"00-{producer.trace_id}-{span_id(span)}-01" for producer, span in zip(producers, messages, strict=True)
    ]
    assert len(await desk.audit()) == 2


async def test_a_producer_that_does_not_sample_is_followed_and_nothing_is_exported(traces: Traces) -> None:
    producer = Producer.new(sampled=False)

    (outcome,) = await traces.handler([builders.delivery(request(), trace={"traceparent": producer.traceparent})])

    assert traces.all() == []
    assert (carried(outcome) or "").startswith(f"00-{producer.trace_id}-")


@pytest.mark.parametrize("traceparent", ["", "00-00000000000000000000000000000000-0000000000000000-01", "nonsense"])
async def test_a_message_without_a_readable_context_begins_a_trace(traces: Traces, traceparent: str) -> None:
    (outcome,) = await traces.handler([builders.delivery(request(), trace={"traceparent": traceparent})])

    (span,) = traces.of(SpanKind.CONSUMER)
    assert parent_id(span) is None
    assert (carried(outcome) or "").startswith(f"00-{trace_id(span)}-{span_id(span)}-")


async def test_a_statement_that_serves_no_message_begins_no_trace(desk: Desk, traces: Traces) -> None:
    await desk.audit()

    assert traces.all() == []


async def test_what_a_handler_raises_is_noted_in_every_span_and_goes_on(desk: Desk, traces: Traces) -> None:
    await desk.execute("ALTER TABLE decisions RENAME TO away")
    try:
        with pytest.raises(Exception, match="decisions"):
            await traces.handler([builders.delivery(request()), builders.delivery(request())])
    finally:
        await desk.execute("ALTER TABLE away RENAME TO decisions")

    messages = traces.of(SpanKind.CONSUMER)
    assert len(messages) == 2
    assert {span.status.status_code for span in messages} == {StatusCode.ERROR}
    assert {(span.attributes or {})["error.type"] for span in messages} == {"UndefinedTableError"}


async def test_a_batch_that_took_too_long_is_noted_too(desk: Desk, traces: Traces) -> None:
    async with desk.database.begin() as connection:
        await connection.execute(text("LOCK TABLE decisions"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await traces.handler([builders.delivery(request())])

    (span,) = traces.of(SpanKind.CONSUMER)
    assert dict(span.attributes or {})["error.type"] == "CancelledError"


async def test_a_parked_message_has_its_code_as_the_error(place: Place, engine: Engine, traces: Traces) -> None:
    producer = Producer.new()
    async with consuming(place, traces.handler, queue=SIZING, role="sizing-worker"):
        asked = await engine.ask(b"{}", traceparent=producer.traceparent)
        await engine.traceparent(asked)
        parked = await place.take("lotwise.sizing.dead")

    (span,) = traces.of(SpanKind.CONSUMER)
    assert dict(span.attributes or {})["error.type"] == "invalid_message"
    # The copy is the message as it was sent: whoever replays it begins where its producer did.
    assert parked.headers["traceparent"] == producer.traceparent


def carried(outcome: Outcome) -> str | None:
    assert isinstance(outcome, Ack)
    assert outcome.reply is not None
    assert outcome.reply.trace is not None
    return outcome.reply.trace["traceparent"]
