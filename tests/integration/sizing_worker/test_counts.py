"""What a batch came to is counted once it is committed."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from services.sizing_worker.handler import SizingHandler
from shared.schemas.sizing import SizingOutcome
from tests import builders
from tests.counting import Counted
from tests.integration.sizing_worker.desk import RULES, Desk, request

TOO_DEAR = {"balance": "10000000", "equity": "10000000", "margin_free": "1"}


def outcome(what: str) -> SizingOutcome:
    return builders.outcome(UUID(int=1), what)


async def test_each_decision_is_counted_by_its_reason(desk: Desk) -> None:
    await desk.account()
    await desk.account(8, user_id="u-2", **TOO_DEAR)
    decisions = Counted("lotwise_sizing_decisions_total")

    await desk.decide(request(), request(user_id="u-2"), request(instrument="NONE"), request(user_id="nobody"))

    assert decisions.by("reason") == {
        ("approved",): 1,
        ("insufficient_margin",): 1,
        ("unknown_instrument",): 1,
        ("account_not_found",): 1,
    }


async def test_approvals_are_counted_where_they_reserve_margin(desk: Desk) -> None:
    await desk.account()
    rules = replace(RULES, reservation_s=120)
    handler = SizingHandler(desk.database, desk.current, rules=rules, request_s=60)
    reservations = Counted("lotwise_reservations_total")

    await handler([builders.delivery(one) for one in (request(), request(), request(instrument="NONE"))])

    assert reservations.total() == 2


async def test_a_request_that_comes_again_counts_as_repeated_and_not_as_another_decision(desk: Desk) -> None:
    await desk.account()
    same = request()
    await desk.decide(same)
    decisions, repeated = Counted("lotwise_sizing_decisions_total"), Counted("lotwise_sizing_repeated_total")

    await desk.decide(same)
    await desk.decide(same, same.model_copy(update={"setup_id": "another"}))

    assert decisions.total() == 0
    assert repeated.total() == 3


async def test_outcomes_are_counted_by_what_they_tell(desk: Desk) -> None:
    outcomes = Counted("lotwise_sizing_outcomes_total")

    await desk.handler([builders.delivery(outcome(what)) for what in ("executed", "failed", "executed")])

    assert outcomes.by("outcome") == {("executed",): 2, ("failed",): 1}
