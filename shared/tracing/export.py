"""What becomes of spans: which are kept, and that they are exported by OTLP, in a thread of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import SpanKind, get_current_span

from shared import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, TraceState
    from opentelemetry.util.types import Attributes


class OnlyMessages(Sampler):
    """Keeps what `rest` says, but for two things that it cannot know.

    A statement outside of any message (a background task's, a readiness check's) begins no trace. The span of a batch
    is kept where that of any of its messages is.
    """

    def __init__(self, rest: Sampler) -> None:
        self._rest = rest

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """As OpenTelemetry asks for it."""
        is_root = not get_current_span(parent_context).get_span_context().is_valid
        if is_root and kind is SpanKind.CLIENT:
            return SamplingResult(Decision.DROP)
        if is_root and links:
            is_kept = any(link.context.trace_flags.sampled for link in links)
            return SamplingResult(Decision.RECORD_AND_SAMPLE if is_kept else Decision.DROP, attributes)
        return self._rest.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """As OpenTelemetry asks for it."""
        return f"OnlyMessages({self._rest.get_description()})"


def start_exporting(*, service: str, instance: str) -> TracerProvider:
    """Export by OTLP over HTTP to where OpenTelemetry's variables say; what is left goes out when the process ends."""
    return provide(BatchSpanProcessor(OTLPSpanExporter()), service=service, instance=instance)


def provide(processor: SpanProcessor, *, service: str, instance: str) -> TracerProvider:
    """Give every span to `processor`, those of the database's driver too."""
    resource = Resource.create(
        {
            "service.namespace": "lotwise",
            "service.name": service,
            "service.version": __version__,
            "service.instance.id": instance,
        }
    )
    chosen = TracerProvider(shutdown_on_exit=False).sampler  # by OTEL_TRACES_SAMPLER
    provider = TracerProvider(sampler=OnlyMessages(chosen), resource=resource)
    provider.add_span_processor(processor)
    AsyncPGInstrumentor().instrument(tracer_provider=provider)  # type: ignore[no-untyped-call]  # it ships none
    return provider
