"""A service with tracing on exports its spans by OTLP to where OpenTelemetry's variables say."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from dev.servers.ports import LOOPBACK
from dev.stack.workspace import VirtualHost
from dev.waiting import eventually
from shared.client import SizingClient
from tests import builders
from tests.e2e.conftest import Launch

GONE = "http://127.0.0.1:9"
"""The port of `discard`, at which nobody listens."""


class Collector:
    """Takes spans by HTTP, and remembers whose they are and what they are called."""

    def __init__(self) -> None:
        self.spans: set[tuple[str, str]] = set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as http.server names it
                """Say nothing."""

        self.server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.url = f"http://{LOOPBACK}:{self.server.server_port}"

    def take(self, request: ExportTraceServiceRequest) -> None:
        """Note what was exported."""
        for resource in request.resource_spans:
            service = {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"]
            self.spans |= {(service, span.name) for scope in resource.scope_spans for span in scope.spans}


@pytest.fixture
def collector() -> Iterator[Collector]:
    """One that listens."""
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


async def test_what_a_worker_does_is_exported(launch: Launch, virtual_host: VirtualHost, collector: Collector) -> None:
    worker = launch(
        "sizing_worker",
        LOTWISE_TRACING="true",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_BSP_SCHEDULE_DELAY="100",
    )
    worker.wait_ready()

    async def exported() -> bool:
        return {("sizing_worker", "process lotwise.sizing"), ("sizing_worker", "SELECT")} <= collector.spans

    async with SizingClient(virtual_host.role_urls["signal-engine"]) as engine:
        await engine.size(builders.request(user_id="u-1"))
    await eventually(exported)


async def test_a_collector_that_is_away_keeps_nobody_waiting(launch: Launch, virtual_host: VirtualHost) -> None:
    away = {"OTEL_EXPORTER_OTLP_ENDPOINT": GONE, "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    worker = launch("sizing_worker", LOTWISE_TRACING="true", **away)
    worker.wait_ready()

    async with SizingClient(virtual_host.role_urls["signal-engine"]) as engine:
        decision = await engine.size(builders.request(user_id="u-1"))

    assert decision.status == "rejected"
    assert worker.terminate()
    assert worker.exit_code == 0
