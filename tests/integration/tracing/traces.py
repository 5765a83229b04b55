"""What was exported, and the contexts that producers send."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

if TYPE_CHECKING:
    from shared.messaging.consumer import Handler


@dataclass(frozen=True, slots=True)
class Producer:
    """The span in which a producer sends a message."""

    trace_id: str
    span_id: str
    flags: str

    @classmethod
    def new(cls, *, sampled: bool = True) -> Producer:
        """One that nobody else has."""
        return cls(secrets.token_hex(16), secrets.token_hex(8), "01" if sampled else "00")

    @property
    def traceparent(self) -> str:
        """As it travels in the message's header."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


class Traces:
    """A traced handler, and its spans."""

    def __init__(self, exporter: InMemorySpanExporter, handler: Handler) -> None:
        self.handler = handler
        self._exporter = exporter

    def all(self) -> list[ReadableSpan]:
        """Every span that has ended."""
        return list(self._exporter.get_finished_spans())

    def of(self, kind: SpanKind) -> list[ReadableSpan]:
        """Those of one kind."""
        return [span for span in self.all() if span.kind is kind]


def trace_id(span: ReadableSpan) -> str:
    """The trace that a span belongs to."""
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def span_id(span: ReadableSpan) -> str:
    """A span's own id."""
    assert span.context is not None
    return f"{span.context.span_id:016x}"


def parent_id(span: ReadableSpan) -> str | None:
    """Its parent's."""
    return f"{span.parent.span_id:016x}" if span.parent else None


def links(span: ReadableSpan) -> set[str]:
    """The spans that it is linked with."""
    return {f"{link.context.span_id:016x}" for link in span.links}
