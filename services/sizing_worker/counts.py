"""The metrics that only the sizing worker has. Labels are words of our own, never the sender's."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Collection
from typing import get_args

from prometheus_client import Counter

from services.sizing_worker.store import Fresh
from shared.schemas.reasons import SizingReasonCode
from shared.schemas.sizing import SizingOutcome, SizingRequest

DECISIONS = Counter(
    "lotwise_sizing_decisions_total",
    "Setups decided, each once, by the code of the reason; approved ones have the reason `approved`",
    ["reason"],
)
UNDECIDED = ("invalid_message", "request_id_conflict")
"""Codes of requests that are answered and decide nothing."""
# All told from the start, so that the first of a kind is an increase, not a series that begins at one.
DECIDED = {
    reason: DECISIONS.labels(reason) for reason in ("approved", *get_args(SizingReasonCode)) if reason not in UNDECIDED
}

REPEATED = Counter(
    "lotwise_sizing_repeated_total", "Requests whose request_id was decided before: answered again, or conflicting"
)
RESERVATIONS = Counter("lotwise_reservations_total", "Approvals that reserved their margin")
OUTCOMES = Counter("lotwise_sizing_outcomes_total", "Reports of what became of setups, repeated ones too", ["outcome"])


def count_batch(
    requests: Collection[SizingRequest], outcomes: Collection[SizingOutcome], fresh: Collection[Fresh]
) -> None:
    """Count what a committed batch came to: `fresh` are the decisions that it made."""
    for reason, count in Tally(one.rejection_reason or "approved" for one in fresh).items():
        DECIDED[reason].inc(count)
    if repeated := len(requests) - len(fresh):
        REPEATED.inc(repeated)
    if reserved := sum(one.reserved_until is not None for one in fresh):
        RESERVATIONS.inc(reserved)
    for outcome, count in Tally(one.outcome for one in outcomes).items():
        OUTCOMES.labels(outcome).inc(count)
