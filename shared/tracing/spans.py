"""A span for each message that a handler is given, named and described by OpenTelemetry's conventions for messaging.

A message's span is a child of its producer's, so that one trace shows the way from a request to its reply, which
carries the span's context. Messages are handled many at a time, in one transaction: then its statements belong to the
span of the batch, a trace of its own, which is linked with the span of each message, and each of them with it. Where a
batch has one message, which is the ordinary case, the statements belong to that message's span.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, StatusCode, set_span_in_context, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared import __version__
from shared.messaging.outcomes import Outcome, Retry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.trace import Span, Tracer, TracerProvider
    from opentelemetry.util.types import AnyValue

    from shared.messaging.consumer import Handler
    from shared.messaging.delivery import Delivery

W3C = TraceContextTextMapPropagator()


def with_spans(handler: Handler, *, provider: TracerProvider, queue: str) -> Handler:
    """`handler`, in the spans of the messages of `queue` that it is given; what it raises is noted in each, and goes
    on."""
    tracer = provider.get_tracer("lotwise", __version__)

    async def handle(deliveries: Sequence[Delivery]) -> list[Outcome]:
        spans = [_begin(tracer, queue, delivery) for delivery in deliveries]
        try:
            with _work(tracer, queue, spans):
                outcomes = await handler(deliveries)
            return [_answered(span, outcome) for span, outcome in zip(spans, outcomes, strict=True)]
        except BaseException as error:
            # A handler that took too long is cancelled.
            for span in spans:
                _fail(span, type(error).__name__)
            raise
        finally:
            for span in spans:
                span.end()

    return handle


def _begin(tracer: Tracer, queue: str, delivery: Delivery) -> Span:
    attributes = {
        "messaging.message.id": str(delivery.message_id) if delivery.message_id else None,
        "messaging.message.conversation_id": delivery.correlation_id,
        "lotwise.message.type": delivery.type,
        "lotwise.attempt": delivery.attempt,
    }
    return tracer.start_span(
        f"process {queue}",
        context=W3C.extract(delivery.trace, context=Context()),
        kind=SpanKind.CONSUMER,
        attributes={
            **_destination(queue),
            **{name: value for name, value in attributes.items() if value is not None},
        },
    )


def _destination(queue: str) -> dict[str, AnyValue]:
    return {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": queue,
    }


@contextmanager
def _work(tracer: Tracer, queue: str, spans: Sequence[Span]) -> Iterator[None]:
    """Let what is done inside belong to the one message, or to the batch."""
    if len(spans) == 1:
        with use_span(spans[0], record_exception=False, set_status_on_exception=False):
            yield
        return
    links = [Link(span.get_span_context()) for span in spans]
    attributes = {**_destination(queue), "messaging.batch.message_count": len(spans)}
    with tracer.start_as_current_span(f"process batch {queue}", Context(), links=links, attributes=attributes) as batch:
        for span in spans:
            span.add_link(batch.get_span_context())
        yield


def _answered(span: Span, outcome: Outcome) -> Outcome:
    """The outcome, its reply with the context of the span."""
    span.set_attribute("lotwise.outcome", type(outcome).__name__.lower())
    if isinstance(outcome, Retry):
        _fail(span, outcome.reason)
        return outcome
    if reason := getattr(outcome, "reason", ""):
        _fail(span, reason)
    if outcome.reply is None:
        return outcome
    carrier: dict[str, str] = {}
    W3C.inject(carrier, context=set_span_in_context(span, Context()))
    return replace(outcome, reply=replace(outcome.reply, trace=carrier))


def _fail(span: Span, error_type: str) -> None:
    span.set_attribute("error.type", error_type)
    span.set_status(StatusCode.ERROR, error_type)
