"""The last day at a glance: how much was approved, why not, how the accounts are, what is parked."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from fastapi import APIRouter, Response

from services.config_service.http.answers import READING, json_answer
from services.config_service.http.callers import TOKEN_IN_DOCUMENT, Caller
from services.config_service.latency import WINDOW_S, Latency
from services.config_service.overview import Overview, OverviewReading, Sample
from services.config_service.workers import Workers
from shared.messaging.parked_counts import ParkedCounts
from shared.schemas.values import ExactDecimal, Message, UtcTime

OVERVIEW_PATH = "/api/v1/overview"
LATENCY_PLACES = 4
SETTLED = ("applied", "superseded")
"""What a delivery comes to that was not refused; what was bears its code."""


class Counted(Message):
    """How often something was met, by its code or the name of its queue."""

    name: str
    count: int


class DecisionsToday(Message):
    """Decisions of the last 24 hours. `since` is the oldest one's time; `is_cut`: older ones of the day are left out.

    `approval_percent` is of all decisions, rounded down; null where there are none. `reasons` are the refusals' codes,
    the most frequent first.
    """

    since: UtcTime | None
    is_cut: bool
    decisions: int
    approved: int
    rejected: int
    errors: int
    approval_percent: ExactDecimal | None
    reasons: tuple[Counted, ...]


class AccountsNow(Message):
    """Accounts by `sync_status`."""

    accounts: int
    active: int
    inactive: int
    stale: int
    error: int


class DeliveriesLately(Message):
    """What the bridges' messages of the last hour came to; `reasons` are the codes of the refused ones."""

    since: UtcTime | None
    is_cut: bool
    deliveries: int
    applied: int
    superseded: int
    refused: int
    reasons: tuple[Counted, ...]


class LatencyLately(Message):
    """How long the sizing workers' messages took, from their arrival in the worker to the reply confirmed, in seconds.

    Estimated from what all workers together counted in the last `window_s` seconds: half took at most `p50_s`, 95 of a
    hundred at most `p95_s`. That is the service's and everybody's to see: it tells a user how long to wait, and nothing
    of whose setups took it. How many `messages` they were is the business's own, and null for a user.
    """

    window_s: int
    messages: int | None
    p50_s: ExactDecimal
    p95_s: ExactDecimal


class OverviewNow(Message):
    """What there is to be seen at `at`, the database's time.

    A user sees their own decisions and accounts; `deliveries`, `parked` and the count in `latency` are the owner's.
    `parked` counts messages by the work queue that they died in; null while the broker does not answer. `latency` is
    null where nothing was sized, or nobody was heard yet.
    """

    at: UtcTime
    decisions: DecisionsToday
    latency: LatencyLately | None
    accounts: AccountsNow
    deliveries: DeliveriesLately | None
    parked: tuple[Counted, ...] | None


def overview_routes(reading: OverviewReading, workers: Workers, parked: ParkedCounts) -> APIRouter:
    """The one route of it."""
    router = APIRouter(tags=["overview"], dependencies=TOKEN_IN_DOCUMENT)

    @router.get(OVERVIEW_PATH, response_model=OverviewNow, responses=READING)
    async def read_overview(claims: Caller) -> Response:
        """Return what the caller's decisions and accounts come to; for the owner everybody's, and what is parked."""
        is_owner = claims.role == "owner"
        found = await (reading.everybody() if is_owner else reading.of(claims.user))
        latency = _latency(workers.latency(), counted=is_owner)
        return json_answer(_told(found, latency, _parked(parked) if is_owner else None))

    return router


def _told(found: Overview, latency: LatencyLately | None, parked: tuple[Counted, ...] | None) -> OverviewNow:
    deliveries = None if found.deliveries is None else _deliveries(found.deliveries)
    return OverviewNow(
        at=found.at,
        decisions=_decisions(found),
        latency=latency,
        accounts=_accounts(found.accounts),
        deliveries=deliveries,
        parked=parked,
    )


def _decisions(found: Overview) -> DecisionsToday:
    sample, approved = found.decisions, found.decided("approved")
    total = sample.counts.total()
    return DecisionsToday(
        since=sample.since,
        is_cut=sample.is_cut,
        decisions=total,
        approved=approved,
        rejected=found.decided("rejected"),
        errors=found.decided("error"),
        approval_percent=Decimal(f"{approved * 10_000 // total}E-2") if total else None,
        reasons=_reasons(sample.counts, without=(None,)),
    )


def _latency(found: Latency | None, *, counted: bool) -> LatencyLately | None:
    if found is None:
        return None
    p50_s, p95_s = (round(seconds, LATENCY_PLACES) for seconds in (found.p50_s, found.p95_s))
    messages = found.messages if counted else None
    return LatencyLately(window_s=int(WINDOW_S), messages=messages, p50_s=p50_s, p95_s=p95_s)


def _accounts(counts: Counter[str | None]) -> AccountsNow:
    states = {state: counts[state] for state in ("active", "inactive", "stale", "error")}
    return AccountsNow(accounts=counts.total(), **states)


def _deliveries(sample: Sample) -> DeliveriesLately:
    settled = {outcome: sample.counts[outcome] for outcome in SETTLED}
    total = sample.counts.total()
    return DeliveriesLately(
        since=sample.since,
        is_cut=sample.is_cut,
        deliveries=total,
        refused=total - sum(settled.values()),
        reasons=_reasons(sample.counts, without=SETTLED),
        **settled,
    )


def _reasons(counts: Counter[str | None], *, without: tuple[str | None, ...]) -> tuple[Counted, ...]:
    named = ((name, count) for name, count in counts.items() if name is not None and name not in without)
    return tuple(Counted(name=name, count=count) for name, count in sorted(named, key=lambda one: (-one[1], one[0])))


def _parked(parked: ParkedCounts) -> tuple[Counted, ...] | None:
    if parked.counts is None:
        return None
    return tuple(Counted(name=queue, count=count) for queue, count in parked.counts.items())
