"""The last day at a glance: how much was approved, why not, how the accounts are, what is parked."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from fastapi import APIRouter, Response

from services.config_service.http.answers import READING, json_answer
from services.config_service.http.callers import TOKEN_IN_DOCUMENT, Caller
from services.config_service.overview import Overview, OverviewReading, Sample
from shared.messaging.parked_counts import ParkedCounts
from shared.schemas.values import ExactDecimal, Message, UtcTime

OVERVIEW_PATH = "/api/v1/overview"
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


class OverviewNow(Message):
    """What there is to be seen at `at`, the database's time.

    A user sees their own decisions and accounts; `deliveries` and `parked` are the owner's. `parked` counts messages by
    the work queue that they died in; null while the broker does not answer.
    """

    at: UtcTime
    decisions: DecisionsToday
    accounts: AccountsNow
    deliveries: DeliveriesLately | None
    parked: tuple[Counted, ...] | None


def overview_routes(reading: OverviewReading, parked: ParkedCounts) -> APIRouter:
    """The one route of it."""
    router = APIRouter(tags=["overview"], dependencies=TOKEN_IN_DOCUMENT)

    @router.get(OVERVIEW_PATH, response_model=OverviewNow, responses=READING)
    async def overview(claims: Caller) -> Response:
        """Return what the caller's decisions and accounts come to; for the owner everybody's, and what is parked."""
        is_owner = claims.role == "owner"
        found = await (reading.everybody() if is_owner else reading.of(claims.user))
        return json_answer(_told(found, _parked(parked) if is_owner else None))

    return router


def _told(found: Overview, parked: tuple[Counted, ...] | None) -> OverviewNow:
    deliveries = None if found.deliveries is None else _deliveries(found.deliveries)
    return OverviewNow(
        at=found.at,
        decisions=_decisions(found),
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
