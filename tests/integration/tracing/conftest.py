"""A sizing worker that traces, in this process, on a real broker and a real database; what it exports is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy.ext.asyncio import AsyncEngine

from dev.stack.workspace import VirtualHost
from shared.messaging.topology import SIZING
from shared.tracing.export import provide
from shared.tracing.spans import with_spans
from tests.integration.messaging.place import Place
from tests.integration.sizing_worker.desk import Desk
from tests.integration.tracing.traces import Traces


@pytest.fixture
async def place(virtual_host: VirtualHost) -> AsyncIterator[Place]:
    """Queues of the test's own."""
    async with AsyncExitStack() as stack:
        yield Place(virtual_host, stack)


@pytest.fixture
async def desk(emptied_database: AsyncEngine) -> Desk:
    """The tables, with account 7 of user u-1, gold published."""
    made = Desk(emptied_database)
    await made.account()
    return made


@pytest.fixture
def traces(desk: Desk) -> Iterator[Traces]:
    """The desk's handler, traced, and the spans that have ended."""
    exporter = InMemorySpanExporter()
    provider = provide(SimpleSpanProcessor(exporter), service="sizing_worker", instance="test")
    try:
        yield Traces(exporter, with_spans(desk.handler, provider=provider, queue=SIZING))
    finally:
        AsyncPGInstrumentor().uninstrument()  # type: ignore[no-untyped-call]  # it ships no types
        provider.shutdown()
