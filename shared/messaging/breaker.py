"""The circuit breaker between a consumer and what its handler depends on.

Closed: batches flow. Open: nothing new is handled. Half-open: what the dependency lets through next decides.
"""

from __future__ import annotations

import structlog

from shared import metrics

log = structlog.get_logger()

FAILURES_MAX = 4
"""Failures in a row that open a closed breaker; in a half-open one, the first does."""


class Breaker:
    """Opens where a dependency fails again and again, closes with the first success. `name` is its metric's label."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_open = False
        self._failures = 0
        metrics.BREAKER_OPEN.labels(name).set(0)

    def failed(self, cause: object) -> None:
        """Count a failure of the dependency."""
        self._failures += 1
        if not self.is_open and self._failures >= FAILURES_MAX:
            self._turn(is_open=True)
            log.warning("breaker.opened", breaker=self.name, failures=self._failures, cause=str(cause))

    def succeeded(self) -> None:
        """Note that the dependency did what was asked."""
        self._failures = 0
        if self.is_open:
            self._turn(is_open=False)
            log.info("breaker.closed", breaker=self.name)

    def _turn(self, *, is_open: bool) -> None:
        self.is_open = is_open
        metrics.BREAKER_OPEN.labels(self.name).set(is_open)
