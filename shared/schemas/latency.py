"""How long a worker's messages take, as it announces it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.schemas.values import Message, NonNegativeDecimal, UtcTime

BUCKETS_MAX = 100


class LatencyCount(Message):
    """How many messages took at most `within_s` seconds; null: however long."""

    within_s: Annotated[NonNegativeDecimal, Field(le=86_400)] | None
    count: Annotated[int, Field(ge=0)]


class WorkerLatency(Message):
    """`worker.latency.v1`, an event: what a process has counted from `since` until `at`, the shortest time first.

    A message's time runs from its arrival in the process to its reply confirmed and itself acknowledged; the wait in
    the broker is not in it. Two announcements tell what lies between: their difference.
    """

    instance: str
    service: str
    since: UtcTime
    counts: Annotated[tuple[LatencyCount, ...], Field(strict=False, max_length=BUCKETS_MAX)]
    at: UtcTime
