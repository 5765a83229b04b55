"""Traces by OpenTelemetry, where they are switched on. Off, nothing of it is imported here, and handlers are what they
were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import DeploymentError

if TYPE_CHECKING:
    from shared.messaging.consumer import Handler


def traced(handler: Handler, *, on: bool, queue: str, service: str, instance: str) -> Handler:
    """`handler` itself where tracing is not `on`; else one that traces each message of `queue`, for this process.

    Where to export, and how many, is told by OpenTelemetry's own variables (OTEL_EXPORTER_OTLP_ENDPOINT,
    OTEL_TRACES_SAMPLER, …). Raises DeploymentError where its packages are not installed.
    """
    if not on:
        return handler
    try:
        from shared.tracing.export import start_exporting  # noqa: PLC0415  # only where it is asked for
        from shared.tracing.spans import with_spans  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise DeploymentError(
            f"LOTWISE_TRACING: {missing.name} is not installed; install lotwise with its extra `tracing`"
        ) from None
    return with_spans(handler, provider=start_exporting(service=service, instance=instance), queue=queue)
