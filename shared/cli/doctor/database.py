"""The database, judged: pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.cli.doctor.broker import clock
from shared.cli.doctor.finding import Finding, fail, named, ok, warn

TRANSACTION_WARN_S = 60.0
CONNECTIONS_WARN_SHARE = 0.8
OUTBOX_FAIL_S = 60.0
OVERDUE_FAIL_S = 60.0
STALE_WARN_SHARE = 0.5
RETENTION_GRACE_DAYS = 2
"""The last day ends at midnight, and the task that drops it may come a while later."""
SYNC_LOG, RISK_LOG = "user_mt5_sync_logs", "trade_setup_risk_logs"
MAKE_PARTITIONS = "see why the service's `partitions` task does not run: its log says `partitions.waiting`"


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What the database said of itself. Ages in seconds, None where there is nothing to be old."""

    version: str
    migration: str | None
    ahead_s: float
    longest_transaction_s: float | None
    connections: int
    connections_max: int


@dataclass(frozen=True, slots=True)
class ContentFacts:
    """What lies in this release's tables, at the database's `now`."""

    now: datetime
    partitions: frozenset[str]
    default_rows: Sequence[str]
    """Log tables whose default partition holds rows."""
    configurations: int
    versions: int
    version_max: int
    outbox_age_s: float | None
    overdue: int
    overdue_s: float | None
    accounts: int
    stale: int


def judge_database(facts: DatabaseFacts, head: str) -> Iterator[Finding]:
    """What can be said of any database."""
    yield ok("database", f"PostgreSQL {facts.version}")
    yield _migration(facts.migration, head)
    yield clock("clock of the database", facts.ahead_s)
    longest_s = facts.longest_transaction_s or 0.0
    if longest_s >= TRANSACTION_WARN_S:
        advice = "find it in pg_stat_activity: it holds back vacuum and may hold locks"
        yield warn("transactions", f"one is open for {longest_s:.0f} s", advice)
    else:
        yield ok("transactions", f"none is older than {TRANSACTION_WARN_S:.0f} s")
    found = f"{facts.connections} of {facts.connections_max}"
    if facts.connections >= facts.connections_max * CONNECTIONS_WARN_SHARE:
        yield warn("connections", found, "fewer replicas, smaller LOTWISE_DATABASE_POOL_SIZE, or more max_connections")
    else:
        yield ok("connections", found)


def judge_roles(differences: Sequence[str]) -> Finding:
    """The roles and what they are granted."""
    if differences:
        return fail("roles and grants", named(list(differences)), "run `lotwise roles`, then `lotwise migrate`")
    return ok("roles and grants", "exactly this release's")


def judge_content(facts: ContentFacts, *, sync_log_days: int) -> Iterator[Finding]:
    """What can be said of a database of this release. `sync_log_days`: how long the sync log is kept; 0: for ever."""
    yield _partitions_ahead(facts)
    if facts.default_rows:
        advice = f"partitions were not made in time; {MAKE_PARTITIONS}"
        yield warn("default partitions", f"rows in that of {', '.join(facts.default_rows)}", advice)
    else:
        yield ok("default partitions", "empty")
    yield _retention(facts, sync_log_days)
    yield _configuration(facts)
    yield _aged("outbox", facts.outbox_age_s, OUTBOX_FAIL_S, "a version waits for its broadcast since")
    yield _aged("schedules", facts.overdue_s, OVERDUE_FAIL_S, f"{facts.overdue} overdue, the oldest since")
    yield _stale(facts)


def _migration(found: str | None, head: str) -> Finding:
    if found is None or found < head:
        return fail("migrations", f"at {found or 'none'}, this release needs {head}", "run `lotwise migrate`")
    if found > head:
        return warn("migrations", f"at {found}, newer than this release's {head}", "run the newer release's doctor")
    return ok("migrations", found)


def _partitions_ahead(facts: ContentFacts) -> Finding:
    today = facts.now.astimezone(UTC)
    month = (today.replace(day=1) + timedelta(days=32)).strftime("%Y%m")
    wanted = {
        *(f"{SYNC_LOG}_p{(today + timedelta(days=days)).strftime('%Y%m%d')}" for days in (0, 1)),
        f"{RISK_LOG}_p{today.strftime('%Y%m')}",
        f"{RISK_LOG}_p{month}",
    }
    if missing := sorted(wanted - facts.partitions):
        return fail("partitions", f"missing: {named(missing)}", MAKE_PARTITIONS)
    return ok("partitions", f"{len(facts.partitions)}, the next ones made")


def _retention(facts: ContentFacts, kept_days: int) -> Finding:
    days = sorted(name for name in facts.partitions if name.startswith(f"{SYNC_LOG}_p"))
    oldest_kept = facts.now.astimezone(UTC) - timedelta(days=kept_days + RETENTION_GRACE_DAYS)
    if kept_days and days and days[0] < f"{SYNC_LOG}_p{oldest_kept.strftime('%Y%m%d')}":
        advice = (
            f"it is kept {kept_days} days by LOTWISE_SYNC_LOG_DAYS here; if sync_consumer has the same, see why its"
            " log says `retention.waiting`"
        )
        return warn("retention", f"the oldest is {days[0]}", advice)
    return ok("retention", f"the oldest is {days[0]}" if days else "no sync logs")


def _configuration(facts: ContentFacts) -> Finding:
    if facts.configurations != 1:
        advice = "put the row back as the newest version of the history has it: without it no change can be made"
        return fail("configuration", f"{facts.configurations} rows, not one", advice)
    if facts.versions != facts.version_max:
        found = f"{facts.versions} versions in the history, the newest is {facts.version_max}"
        return fail("configuration", found, "somebody changed the history by hand; restore it from a backup")
    return ok("configuration", f"version {facts.version_max}")


def _aged(check: str, age_s: float | None, limit_s: float, what: str) -> Finding:
    if age_s is not None and age_s >= limit_s:
        return fail(check, f"{what} {age_s:.0f} s", "see that config_service runs and is ready, and what its log says")
    return ok(check, "nothing waits" if age_s is None else f"young, {age_s:.0f} s")


def _stale(facts: ContentFacts) -> Finding:
    found = f"{facts.stale} of {facts.accounts} accounts"
    if facts.accounts and facts.stale > facts.accounts * STALE_WARN_SHARE:
        return warn("stale accounts", found, "see that the EA bridge publishes, and that sync_consumer runs")
    return ok("stale accounts", found)
