"""The metrics that only the config service has. Labels are words of our own, never the sender's."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from shared.metrics import SECONDS

COMMANDS = Counter(
    "lotwise_config_commands_total",
    "Commands answered, by way, command and reason; applied: none",
    ["via", "command", "code"],
)
RISK_PERCENT = Gauge("lotwise_risk_percent", "The risk percent of the newest configuration seen, 3 = 3 %; 0 before one")
OUTBOX_PENDING = Gauge("lotwise_outbox_pending", "Configuration versions still to be broadcast")
OUTBOX_AGE = Gauge("lotwise_outbox_oldest_age_seconds", "How long the oldest of them has been waiting; 0 where none is")
SCHEDULES_ENDED = Counter("lotwise_config_schedules_ended_total", "Planned changes that came due, by end", ["state"])
HTTP_REQUESTS = Counter("lotwise_http_requests_total", "HTTP requests answered", ["method", "route", "status"])
HTTP_SECONDS = Histogram("lotwise_http_request_duration_seconds", "HTTP answers", ["route"], buckets=SECONDS)
HTTP_THROTTLED = Counter("lotwise_http_throttled_total", "HTTP requests refused for their rate, by limit", ["limit"])
WORKERS = Gauge(
    "lotwise_workers",
    "Processes that announce their configuration version, by service and state: current, behind, missing",
    ["service", "state"],
)
WORKERS_VERSION_MIN = Gauge(
    "lotwise_workers_config_version_min", "The lowest version that a process runs; missing ones left out"
)
ANNOUNCEMENTS_IGNORED = Counter(
    "lotwise_worker_announcements_ignored_total", "Announcements without room on the roster, or by names too long"
)
NOTICES = Counter(
    "lotwise_notices_total", "Messages to people, by kind and outcome: sent, failed, held_back", ["kind", "outcome"]
)
NOTICES_ON_DUTY = Gauge("lotwise_notices_on_duty", "1 where this replica is the one that tells people")
STREAM_CLIENTS = Gauge("lotwise_stream_clients", "Clients of the live streams")
STREAMS_ENDED = Counter("lotwise_streams_ended_total", "Live streams that ended or were refused, by how", ["how"])
