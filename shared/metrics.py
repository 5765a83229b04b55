"""The Prometheus metrics that every service has; docs/metrics.md explains each.

Names by convention: base units, `_total`, no identifiers as labels, and of what others send only words that we know.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram, Info

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class BatchHistogram(Histogram):
    """A histogram that takes what a whole batch observed at once: a lock for each bucket, not two for each message."""

    def observe_all(self, amounts: Sequence[float]) -> None:
        """As `observe` for each of `amounts`."""
        counts = [0] * len(self._upper_bounds)
        for amount in amounts:
            counts[bisect_left(self._upper_bounds, amount)] += 1
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
        self._sum.inc(sum(amounts))


BUILD = Info("lotwise_build", "The release that runs, always 1: service, release, Python")

MESSAGES = Counter(
    "lotwise_messages_total", "Messages settled, by queue, outcome and reason", ["queue", "type", "outcome", "reason"]
)
BATCH_MESSAGES = Histogram(
    "lotwise_batch_messages",
    "Messages that are handled together",
    ["queue"],
    buckets=(1, 2, 5, 10, 25, 50, 100, 250),
)
HANDLER_SECONDS = Histogram(
    "lotwise_handler_duration_seconds", "From a batch taken to its transaction ended", ["queue"], buckets=SECONDS
)
MESSAGE_SECONDS = BatchHistogram(
    "lotwise_message_duration_seconds",
    "From a message's arrival in the process to its reply confirmed and itself acknowledged",
    ["queue", "type"],
    buckets=SECONDS,
)
CRITICAL_SECONDS = BatchHistogram(
    "lotwise_critical_time_seconds",
    "From a message's timestamp, which is in whole seconds, to its settlement",
    ["queue"],
    buckets=(1, 2, 5, 10, 30, 60, 120, 300, 600),
)
REPLIES_UNDELIVERABLE = Counter("lotwise_replies_undeliverable_total", "Replies whose requester was gone")
EVENTS_LOST = Counter("lotwise_events_lost_total", "Best-effort events that could not be published")
PUBLISH_FAULTS = Counter("lotwise_publish_faults_total", "Publishes without a confirmation, tried again", ["error"])
BATCH_FAULTS = Counter("lotwise_batch_faults_total", "Batches that a dependency's error or a bug ended", ["kind"])
BROKER_CONNECTED = Gauge("lotwise_broker_connected", "1 where the link of this role is up", ["role"])
BROKER_RECONNECTS = Counter(
    "lotwise_broker_reconnects_total", "Connections that were lost or could not be had, and were tried again", ["role"]
)
CONSUMING = Gauge("lotwise_consuming", "1 where the consumer is registered with the broker", ["queue"])
CONFIG_VERSION = Gauge("lotwise_config_version", "The configuration version that this process runs")
POOL_SIZE = Gauge("lotwise_database_pool_size", "Connections that this pool may have", ["pool"])
POOL_IN_USE = Gauge("lotwise_database_pool_in_use", "Connections of this pool that somebody uses now", ["pool"])
RETENTION_REMOVED = Counter(
    "lotwise_retention_removed_total", "Decisions forgotten and partitions dropped because of their age", ["what"]
)
RETENTION_LAST_RUN = Gauge(
    "lotwise_retention_last_run_timestamp_seconds", "When this process last found nothing more to forget", ["what"]
)
BREAKER_OPEN = Gauge("lotwise_breaker_open", "1 where this breaker keeps messages from being handled", ["breaker"])
CONSUMER_STALLS = Counter(
    "lotwise_consumer_stalls_total", "Consumers restarted because their queue filled while nothing came", ["queue"]
)
EVENT_LOOP_LAG = Gauge("lotwise_event_loop_lag_seconds", "How late the event loop last came back to a timer")
