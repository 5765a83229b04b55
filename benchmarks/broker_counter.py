"""How many messages the broker has seen acknowledged: one counter, the same for whoever consumes, exact at once.

A quorum queue's own count lags by seconds, and what a consumer says of itself cannot be compared with another's word.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import httpx

ACKNOWLEDGED = re.compile(
    r"^rabbitmq_global_messages_acknowledged_total\{[^}]*rabbit_quorum_queue[^}]*\} (\d+)", re.MULTILINE
)
POLL_S = 0.1
DRAIN_TIMEOUT_S = 120.0
SETTLED_SHARE = 0.05
"""The first part of a drain is not counted: what was delivered while the consumer slept comes in one piece."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The counter at one moment; `at_s` in seconds of the monotonic clock."""

    at_s: float
    acknowledged: int


class BrokerCounter:
    """Reads it from a private node's Prometheus page."""

    def __init__(self, metrics_url: str) -> None:
        if not metrics_url:
            raise ValueError("drains are measured on private servers only: leave LOTWISE_TEST_… unset")
        self._client = httpx.AsyncClient(base_url=metrics_url, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def read(self) -> Sample:
        """The counter now."""
        page = (await self._client.get("/metrics")).raise_for_status().text
        return Sample(time.perf_counter(), sum(map(int, ACKNOWLEDGED.findall(page))))

    async def follow(self, messages: int, *, since: Sample) -> list[Sample]:
        """Sample until so many more than at `since` are acknowledged. TimeoutError where that takes too long."""
        samples: list[Sample] = []
        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            while not samples or samples[-1].acknowledged < since.acknowledged + messages:
                await asyncio.sleep(POLL_S)
                samples.append(await self.read())
        return samples


def drained_per_s(samples: Sequence[Sample], messages: int, *, since: Sample) -> float:
    """Messages a second while the queue was being drained: neither the start nor the idle moment after the end.

    Raises ValueError where the drain was too short to be measured.
    """
    share = [(sample, (sample.acknowledged - since.acknowledged) / messages) for sample in samples]
    during = [sample for sample, done in share if SETTLED_SHARE <= done < 1]
    if len(during) < 2:
        raise ValueError(f"{messages} messages were drained within {len(samples)} samples; take more")
    first, last = during[0], during[-1]
    return (last.acknowledged - first.acknowledged) / (last.at_s - first.at_s)
