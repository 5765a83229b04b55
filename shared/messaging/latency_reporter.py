"""Announces how long this process's messages took: `worker.latency.v1`, best effort, from what its metrics count."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from math import isinf
from typing import TYPE_CHECKING

from shared import metrics
from shared.messaging.publisher import Outgoing, Publisher
from shared.messaging.topology import EVENTS, KEY_WORKER_LATENCY
from shared.schemas.decoding import schema_name
from shared.schemas.latency import LatencyCount, WorkerLatency

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel

REPORT_EVERY_S = 10.0


class LatencyReporter:
    """Announces the counts of one type of `queue`'s messages every `every_s` seconds; no message waits for it."""

    def __init__(
        self,
        publisher: Publisher,
        *,
        instance: str,
        service: str,
        queue: str,
        message: type[BaseModel],
        every_s: float = REPORT_EVERY_S,
    ) -> None:
        self._publisher = publisher
        self._instance = instance
        self._service = service
        self._labels = {"queue": queue, "type": schema_name(message)}
        metrics.MESSAGE_SECONDS.labels(**self._labels)  # counts from nothing, and not only from the first
        self._every_s = every_s
        self._since = datetime.now(UTC)

    async def run(self) -> None:
        """Announce until cancelled."""
        while True:
            report = WorkerLatency(
                instance=self._instance,
                service=self._service,
                since=self._since,
                counts=tuple(_counts(self._labels)),
                at=datetime.now(UTC),
            )
            event = Outgoing(EVENTS, KEY_WORKER_LATENCY, report.to_json(), schema_name(report), mandatory=False)
            await self._publisher.publish_events([event])
            await asyncio.sleep(self._every_s)


def _counts(labels: Mapping[str, str]) -> Iterator[LatencyCount]:
    (family,) = metrics.MESSAGE_SECONDS.collect()
    for sample in family.samples:
        if sample.name.endswith("_bucket") and labels.items() <= sample.labels.items():
            bound = float(sample.labels["le"])
            within_s = None if isinf(bound) else Decimal(str(bound))
            yield LatencyCount(within_s=within_s, count=int(sample.value))
