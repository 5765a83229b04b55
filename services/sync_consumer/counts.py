"""The metrics that only the sync consumer has. Labels are words of our own, never the sender's."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable

from prometheus_client import Counter, Gauge

from services.sync_consumer.store import SyncLog

RESULTS = Counter(
    "lotwise_sync_results_total",
    "Account messages by operation, what they did, and why one was refused",
    ["operation", "result", "code"],
)
ACCOUNTS = Gauge("lotwise_accounts", "Accounts by sync_status; every replica tells of all of them", ["status"])
STALE_ACCOUNTS_MARKED = Counter("lotwise_accounts_marked_stale_total", "Accounts whose snapshots grew too old")


def count_results(logs: Iterable[SyncLog]) -> None:
    """Count what a committed batch did, by its rows of the sync log."""
    results = Tally((log.operation or "unknown", log.sync_status, log.error_code or "") for log in logs)
    for labels, count in results.items():
        RESULTS.labels(*labels).inc(count)
