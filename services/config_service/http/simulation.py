"""What another risk percent would have made of the last day, for the owner, before the dial is turned."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from services.config_service.http.answers import LISTING, documented, json_answer
from services.config_service.http.callers import TOKEN_IN_DOCUMENT, Owner
from services.config_service.http.problems import ProblemError, ProblemField
from services.config_service.proofs import Proofs, SimulatedDay
from shared.schemas.values import ExactDecimal, Message, UtcTime
from shared.sizing.configuration import RISK_PERCENT_MAX, RISK_PERCENT_MIN
from shared.sizing.rational import Rational
from shared.sizing.rounding import round_down
from shared.sizing.simulation import Tally

SIMULATION_PATH = "/api/v1/risk/simulation"
PLACES = 2
BUSY_RETRY_S = 2


class SimulationQuery(BaseModel):
    """The percent to be tried: 2.5 = 2.5 %."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    risk_percent: ExactDecimal


class Amount(Message):
    """Money of one currency, rounded down to two places."""

    currency: str
    amount: ExactDecimal


class Refusal(Message):
    """How many decisions were refused for a reason."""

    reason: str
    count: int


class Outcome(Message):
    """What decisions come to; lots, `at_risk` and `margin` are sums over approvals.

    `margin_use_percent` is the mean share of the available margin that an approval took; null where none was approved.
    """

    approved: int
    refused: tuple[Refusal, ...]
    lots: ExactDecimal
    at_risk: tuple[Amount, ...]
    margin: tuple[Amount, ...]
    margin_use_percent: ExactDecimal | None


class Simulation(Message):
    """The same requests as they were decided and under `risk_percent`, all else as it was then.

    The newest decisions of the last 24 hours, from `since` on; `is_cut`: there were older ones too. `risk_percents`
    were in force. `unreadable` records are left out.
    """

    risk_percent: ExactDecimal
    risk_percents: tuple[ExactDecimal, ...]
    since: UtcTime | None
    is_cut: bool
    decisions: int
    unreadable: int
    happened: Outcome
    simulated: Outcome


def simulation_routes(proofs: Proofs) -> APIRouter:
    """The one route of it."""
    router = APIRouter(tags=["risk"], dependencies=TOKEN_IN_DOCUMENT)
    responses = {**LISTING, **documented("out_of_range")}

    @router.get(SIMULATION_PATH, response_model=Simulation, responses=responses)
    async def simulate_risk_percent(_owner: Owner, query: Annotated[SimulationQuery, Query()]) -> Response:
        """Return what the last day's requests would have come to under another percent. One at a time."""
        if not RISK_PERCENT_MIN <= query.risk_percent <= RISK_PERCENT_MAX:
            message = f"must be between {RISK_PERCENT_MIN} and {RISK_PERCENT_MAX}"
            error = ProblemField(field="risk_percent", message=message)
            raise ProblemError("out_of_range", f"risk_percent: {message}", errors=(error,))
        if proofs.is_simulating:
            headers = {"Retry-After": str(BUSY_RETRY_S)}
            raise ProblemError("try_again", "another simulation runs now", headers=headers)
        return json_answer(_told(await proofs.simulate(query.risk_percent), query.risk_percent))

    return router


def _told(day: SimulatedDay, percent: Decimal) -> Simulation:
    happened = day.result.happened
    return Simulation(
        risk_percent=percent,
        risk_percents=tuple(sorted(happened.risk_percents)),
        since=day.since,
        is_cut=day.is_cut,
        decisions=happened.decisions,
        unreadable=day.result.unreadable,
        happened=_outcome(happened),
        simulated=_outcome(day.result.simulated),
    )


def _outcome(tally: Tally) -> Outcome:
    use = round_down(tally.margin_use * 100 / tally.approved, PLACES) if tally.approved else None
    return Outcome(
        approved=tally.approved,
        refused=tuple(Refusal(reason=reason, count=count) for reason, count in sorted(tally.refused.items())),
        lots=round_down(tally.lots, PLACES),
        at_risk=_amounts(tally.at_risk),
        margin=_amounts(tally.margin),
        margin_use_percent=use,
    )


def _amounts(sums: dict[str, Rational]) -> tuple[Amount, ...]:
    return tuple(
        Amount(currency=currency, amount=round_down(amount, PLACES)) for currency, amount in sorted(sums.items())
    )
