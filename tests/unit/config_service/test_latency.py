"""The latency of all workers together, from what each announced: an estimate within the bounds that were counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from services.config_service.latency import Latencies, Latency
from shared.schemas.latency import LatencyCount, WorkerLatency

BEGUN = datetime(2026, 11, 22, 14, tzinfo=UTC)
LONG_AGO = BEGUN - timedelta(days=1)


def at(seconds: float) -> datetime:
    return BEGUN + timedelta(seconds=seconds)


def report(*counts: int, instance: str = "w-1", since: datetime = LONG_AGO) -> WorkerLatency:
    """So many within 10 ms, within 20 ms, within 100 ms, and in all."""
    bounds = (Decimal("0.01"), Decimal("0.02"), Decimal("0.1"), None)
    told = (LatencyCount(within_s=bound, count=count) for bound, count in zip(bounds, counts, strict=True))
    return WorkerLatency(instance=instance, service="sizing_worker", since=since, counts=tuple(told), at=BEGUN)


def heard(*reports: tuple[float, WorkerLatency], most: int = 10) -> Latencies:
    latencies = Latencies(most=most)
    for seconds, one in reports:
        latencies.hear(one, now=at(seconds))
    return latencies


def test_the_median_lies_where_half_of_the_messages_were_counted() -> None:
    # Of 100, 40 within 10 ms and 80 within 20 ms: the 50th is a quarter into the second bucket, the 95th lies 15 of its
    # 20 into the third: 10 + 10 × 10/40 = 12.5 ms, 20 + 80 × 15/20 = 80 ms.
    latencies = heard((0, report(0, 0, 0, 0)), (10, report(40, 80, 100, 100)))

    assert latencies.now(at(10)) == Latency(Decimal("0.0125"), Decimal("0.08"), 100)


def test_what_was_counted_before_the_first_announcement_does_not_count() -> None:
    latencies = heard((0, report(0, 0, 1000, 1000)), (10, report(100, 100, 1100, 1100)))

    found = latencies.now(at(10))

    assert found
    assert (found.messages, found.p95_s) == (100, Decimal("0.0095"))


def test_of_a_worker_that_has_just_begun_everything_counts() -> None:
    found = heard((5, report(100, 100, 100, 100, since=at(0)))).now(at(5))

    assert found
    assert (found.messages, found.p50_s) == (100, Decimal("0.005"))


def test_the_workers_are_counted_together() -> None:
    latencies = heard(
        (0, report(0, 0, 0, 0)),
        (0, report(0, 0, 0, 0, instance="w-2")),
        (10, report(60, 60, 60, 60)),
        (10, report(0, 0, 40, 40, instance="w-2")),
    )

    found = latencies.now(at(10))

    assert found
    assert (found.messages, found.p95_s) == (100, Decimal("0.09"))  # 20 + 80 × 35/40


def test_what_lies_further_back_than_the_window_is_forgotten() -> None:
    latencies = heard((0, report(0, 0, 0, 0)), (10, report(0, 0, 50, 50)), (299, report(0, 0, 50, 50)))

    # 20 + 80 × 25/50 = 60 ms, 20 + 80 × 47.5/50 = 96 ms
    assert latencies.now(at(300)) == Latency(Decimal("0.06"), Decimal("0.096"), 50)
    assert latencies.now(at(301)) is None


def test_above_the_highest_bound_it_is_told() -> None:
    found = heard((0, report(0, 0, 0, 0)), (10, report(0, 0, 0, 10))).now(at(10))

    assert found
    assert (found.p50_s, found.p95_s) == (Decimal("0.1"), Decimal("0.1"))


def test_without_a_message_there_is_no_latency() -> None:
    assert Latencies().now(at(0)) is None
    assert heard((0, report(5, 5, 5, 5))).now(at(0)) is None
    assert heard((0, report(5, 5, 5, 5)), (10, report(5, 5, 5, 5))).now(at(10)) is None


def test_no_more_workers_are_remembered_than_may_be() -> None:
    latencies = heard(
        (0, report(0, 0, 0, 0)),
        (0, report(0, 0, 0, 0, instance="w-2")),
        (10, report(10, 10, 10, 10)),
        (10, report(0, 0, 90, 90, instance="w-2")),
        most=1,
    )

    found = latencies.now(at(10))

    assert found
    assert found.messages == 10
