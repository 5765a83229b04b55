"""How long sizing takes, over all workers, by what each announced. Pure: the clock comes in as a value."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from shared.schemas.latency import WorkerLatency

WINDOW_S = 300.0
"""What lies further back is forgotten; the median of a day would say nothing of now."""
WORKERS_MAX = 1000
REPORTS_MAX = 100
"""Of one worker; at one every ten seconds the window holds thirty."""

Counts = Mapping[Decimal | None, int]
"""How many took at most so many seconds (None: however long), as in the announcement."""


@dataclass(frozen=True, slots=True)
class Latency:
    """In seconds, of so many messages: half of them took at most `p50_s`, 95 of a hundred at most `p95_s`.

    Estimated within the bounds that were counted, as Prometheus does it; above the highest, that.
    """

    p50_s: Decimal
    p95_s: Decimal
    messages: int


@dataclass(frozen=True, slots=True)
class SlowMessages:
    """Of so many messages, those that took longer than was asked."""

    messages: int
    slow: int


@dataclass(slots=True)
class Latencies:
    """What was announced within the window, by instance: at most `most` of them, whatever is announced."""

    most: int = WORKERS_MAX
    _reports: dict[str, deque[tuple[datetime, Counts]]] = field(default_factory=dict)

    def hear(self, report: WorkerLatency, *, now: datetime) -> None:
        """Note an announcement that came at `now`; one of a worker too many is ignored."""
        self._forget(now)
        if report.instance not in self._reports and len(self._reports) >= self.most:
            return
        # Until its first announcement a process has counted from nothing; one that began long ago, who knows what.
        reports = self._reports.setdefault(report.instance, deque([(report.since, {})], maxlen=REPORTS_MAX))
        reports.append((now, {count.within_s: count.count for count in report.counts}))

    def now(self, now: datetime) -> Latency | None:
        """Of all messages in the window; None where none is known of."""
        counts = self._counts(now)
        messages = counts[None]
        if not messages:
            return None
        return Latency(_quantile(counts, Decimal("0.5")), _quantile(counts, Decimal("0.95")), messages)

    def slower_than(self, bound_s: Decimal, now: datetime) -> SlowMessages | None:
        """Of all messages in the window those above `bound_s`, one of the bounds that were counted by; None where no
        message is known of."""
        counts = self._counts(now)
        if not counts[None] or bound_s not in counts:
            return None
        return SlowMessages(counts[None], counts[None] - counts[bound_s])

    def _counts(self, now: datetime) -> Counter[Decimal | None]:
        self._forget(now)
        counts: Counter[Decimal | None] = Counter()
        for reports in self._reports.values():
            counts.update(_between(reports[0][1], reports[-1][1]))
        return counts

    def _forget(self, now: datetime) -> None:
        oldest = now - timedelta(seconds=WINDOW_S)
        for instance, reports in list(self._reports.items()):
            while reports and reports[0][0] < oldest:
                reports.popleft()
            if not reports:
                del self._reports[instance]


def _between(first: Counts, last: Counts) -> dict[Decimal | None, int]:
    """What was counted from one announcement to another of the same process: counts only rise."""
    return {bound: max(count - first.get(bound, 0), 0) for bound, count in last.items()}


def _quantile(counts: Counts, share: Decimal) -> Decimal:
    """The time within which this share of all stayed, as if a bucket's were spread evenly in it."""
    rank = share * counts[None]
    lower, below = Decimal(0), 0
    for bound in sorted(bound for bound in counts if bound is not None):
        if counts[bound] >= rank:
            inside = counts[bound] - below
            return lower + (bound - lower) * ((rank - below) / inside if inside else 0)
        lower, below = bound, counts[bound]
    return lower
