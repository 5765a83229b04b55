"""The roster and the latencies, by our clock; and what the metrics tell of the roster."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import get_args

import structlog

from services.config_service.changes import Changes
from services.config_service.counts import ANNOUNCEMENTS_IGNORED, WORKERS, WORKERS_VERSION_MIN
from services.config_service.latency import Latencies, Latency, SlowMessages
from services.config_service.roster import Roster, Standing, Worker
from shared.schemas.config import WorkerState
from shared.schemas.latency import WorkerLatency

log = structlog.get_logger()

COUNTED_SERVICES = ("config_service", "sizing_worker")
"""Those that run a configuration. Metrics know no other: what a process calls itself is its own word."""


class Workers:
    """What the processes announced, against the newest version that `changes` has seen."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._roster = Roster()
        self._latencies = Latencies()

    def hear(self, state: WorkerState) -> None:
        """Take an announcement."""
        if not self._roster.hear(state, now=datetime.now(UTC)):
            ANNOUNCEMENTS_IGNORED.inc()
            log.warning("announcement.ignored", instance=state.instance[:80], service=state.service[:80])

    def measure(self, report: WorkerLatency) -> None:
        """Take an announcement of how long messages take."""
        self._latencies.hear(report, now=datetime.now(UTC))

    def latency(self) -> Latency | None:
        """How long sizing took in the last minutes; None where nobody was sized."""
        return self._latencies.now(datetime.now(UTC))

    def slower_than(self, bound_s: Decimal) -> SlowMessages | None:
        """Of what was sized in the last minutes, what took longer; None where nobody was sized."""
        return self._latencies.slower_than(bound_s, datetime.now(UTC))

    def standings(self, version: int) -> list[tuple[Worker, Standing]]:
        """Every worker, and how it stands where `version` is in force."""
        now = datetime.now(UTC)
        return [(worker, worker.standing(version, now=now)) for worker in self._roster.workers(now=now)]

    def export(self) -> None:
        """Let the metrics tell, whenever they are read."""
        for service in COUNTED_SERVICES:
            for standing in get_args(Standing):
                WORKERS.labels(service, standing).set_function(partial(self._count, service, standing))
        WORKERS_VERSION_MIN.set_function(self._lowest_version)

    def _known(self) -> list[tuple[Worker, Standing]]:
        return self.standings(self._changes.latest_version or 0)

    def _count(self, service: str, standing: Standing) -> int:
        return sum(worker.service == service and stands == standing for worker, stands in self._known())

    def _lowest_version(self) -> float:
        heard = (worker.config_version for worker, standing in self._known() if standing != "missing")
        return min(heard, default=float("nan"))
