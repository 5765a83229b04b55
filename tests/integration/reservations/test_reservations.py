"""What an approval holds, and until when.

The account has 10,000.00 USD, all of it free, at 1:100. A setup of 0.30, 0.21 and 0.09 lots of gold binds 585.00 +
409.08 + 175.14 = 1,169.22; a reservation lasts 120 s, and then until a snapshot that was captured later.
"""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.records import load_record
from shared.schemas.sizing import SizingDecision
from shared.sizing.record import decode_record
from tests import builders
from tests.desk import Desk, ago, request

SETUP = Decimal("1169.22")
NOTHING = Decimal(0)
ENOUGH_FOR_ONE = {"margin_free": "1500.00", "margin_used": "8500.00"}
"""0.8 × 1,500.00 = 1,200.00 for the first setup; then 330.78 are free."""


@pytest.fixture
async def account(desk: Desk) -> Desk:
    """The desk, with its account reported and gold published."""
    await desk.report()
    await desk.publish()
    return desk


@pytest.fixture
async def approved(account: Desk) -> SizingDecision:
    """An approval that holds its margin."""
    decision = await account.ask()
    assert decision.status == "approved"
    return decision


def codes(decision: SizingDecision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def _id(decision: SizingDecision) -> UUID:
    assert decision.request_id is not None
    return decision.request_id


async def test_an_approval_reserves_the_margin_that_its_reply_names(desk: Desk, approved: SizingDecision) -> None:
    assert approved.summary.total_margin_required == SETUP
    assert await desk.reserved() == SETUP


async def test_a_rejection_reserves_nothing(account: Desk) -> None:
    await account.report(**ENOUGH_FOR_ONE)
    await account.ask()
    refused = await account.ask()

    assert refused.status == "rejected"
    assert await account.reserved() == SETUP


async def test_a_second_setup_sees_what_the_first_reserved(account: Desk) -> None:
    await account.report(**ENOUGH_FOR_ONE)

    first, second = await account.ask(), await account.ask()

    assert (first.status, first.summary.margin_after) == ("approved", Decimal("330.78"))
    assert codes(second) == ["insufficient_margin"]
    assert (second.summary.margin_available, second.summary.margin_reserved) == (Decimal("330.78"), SETUP)


async def test_two_requests_of_one_batch_see_each_other(account: Desk) -> None:
    await account.report(**ENOUGH_FOR_ONE)

    first, second = await account.ask_at_once(request(), request())

    assert (first.status, codes(second)) == ("approved", ["insufficient_margin"])
    assert second.summary.margin_reserved == SETUP


async def test_of_one_batch_each_record_tells_all_that_its_request_saw_and_only_the_first_lists_it(
    account: Desk, database: AsyncEngine
) -> None:
    standing = [await account.ask(), await account.ask()]
    batch = await account.ask_at_once(request(), request(), request())
    stored = [await load_record(database, _id(decision)) for decision in batch]

    seen = [decode_record(one.record, one.first_record).reservations for one in stored if one]
    assert seen == [{_id(one): SETUP for one in (*standing, *batch[:earlier])} for earlier in range(3)]
    own = [decode_record(one.record).reservations for one in stored if one]
    assert [len(listed) for listed in own] == [2, 1, 2]


async def test_the_same_request_twice_in_one_batch_reserves_once(account: Desk) -> None:
    asked = request()

    first, second = await account.ask_at_once(asked, asked)

    assert first == second
    assert await account.reserved() == SETUP


async def test_a_repeated_request_gets_its_reply_and_reserves_nothing_more(account: Desk) -> None:
    asked = request()
    (first,) = await account.ask_at_once(asked)
    await account.let_pass(1)

    (again,) = await account.ask_at_once(asked)

    assert again == first
    assert await account.reserved() == SETUP


@pytest.mark.parametrize("outcome", ["cancelled", "failed"])
async def test_a_setup_that_came_to_nothing_gives_its_margin_back_at_once(
    desk: Desk, approved: SizingDecision, outcome: str
) -> None:
    await desk.tell(approved.request_id, outcome)

    assert await desk.reserved() == NOTHING


async def test_an_executed_setup_holds_until_a_snapshot_captured_after_it(desk: Desk, approved: SizingDecision) -> None:
    await desk.let_pass(10)
    await desk.tell(approved.request_id, "executed", occurred_at=ago(5))

    await desk.report(captured_at=ago(6))
    assert await desk.reserved() == SETUP
    await desk.report(captured_at=ago(4))
    assert await desk.reserved() == NOTHING


async def test_an_expired_reservation_holds_until_a_snapshot_captured_after_its_end(
    desk: Desk, approved: SizingDecision
) -> None:
    assert approved.reservation_expires_at is not None
    await desk.let_pass(125)
    assert await desk.reserved() == SETUP

    await desk.report(captured_at=ago(6))
    assert await desk.reserved() == SETUP
    await desk.report(captured_at=ago(4))
    assert await desk.reserved() == NOTHING


async def test_a_snapshot_before_the_end_of_a_reservation_changes_nothing(desk: Desk, approved: SizingDecision) -> None:
    assert approved.status == "approved"
    await desk.let_pass(60)

    await desk.report()

    assert await desk.reserved() == SETUP


@pytest.mark.parametrize("other", ["cancelled", "failed"])
@pytest.mark.parametrize("executed_first", [True, False])
async def test_executed_prevails_over_other_outcomes_in_any_order(
    desk: Desk, approved: SizingDecision, *, other: str, executed_first: bool
) -> None:
    for outcome in ("executed", other) if executed_first else (other, "executed"):
        await desk.tell(approved.request_id, outcome)

    assert await desk.reserved() == SETUP
    await desk.report()
    assert await desk.reserved() == NOTHING


async def test_a_cancellation_that_comes_before_the_decision_leaves_nothing_reserved(account: Desk) -> None:
    asked = request()
    await account.tell(asked.request_id, "cancelled")

    (decision,) = await account.ask_at_once(asked)

    assert decision.status == "approved"
    assert await account.reserved() == NOTHING


async def test_an_execution_that_is_told_before_the_decision_holds_until_a_snapshot_after_the_decision(
    account: Desk,
) -> None:
    asked = request()
    await account.tell(asked.request_id, "executed", occurred_at=ago(30))
    await account.ask_at_once(asked)
    assert await account.reserved() == SETUP

    await account.report()

    assert await account.reserved() == NOTHING


async def test_an_execution_is_taken_as_no_earlier_than_its_decision(desk: Desk, approved: SizingDecision) -> None:
    # The account's snapshot was captured before the decision, and an hour after what the outcome claims.
    await desk.tell(approved.request_id, "executed", occurred_at=ago(3600))

    assert await desk.reserved() == SETUP


async def test_an_execution_is_taken_as_no_later_than_its_arrival(desk: Desk, approved: SizingDecision) -> None:
    await desk.tell(approved.request_id, "executed", occurred_at=ago(-3600))

    await desk.report()

    assert await desk.reserved() == NOTHING


async def test_an_execution_that_comes_after_the_end_holds_again(desk: Desk, approved: SizingDecision) -> None:
    await desk.let_pass(130)
    await desk.report(captured_at=ago(5))
    assert await desk.reserved() == NOTHING

    await desk.tell(approved.request_id, "executed", occurred_at=ago(3))

    assert await desk.reserved() == SETUP
    await desk.report(captured_at=ago(1))
    assert await desk.reserved() == NOTHING


async def test_a_late_word_of_an_execution_that_the_snapshot_carries_already_holds_nothing(
    desk: Desk, approved: SizingDecision
) -> None:
    await desk.let_pass(130)
    await desk.report(captured_at=ago(5))

    await desk.tell(approved.request_id, "executed", occurred_at=ago(100))

    assert await desk.reserved() == NOTHING


async def test_an_outcome_that_is_told_twice_is_kept_once(desk: Desk, approved: SizingDecision) -> None:
    assert approved.request_id is not None
    cancelled = builders.outcome(approved.request_id, "cancelled")

    await desk.tell_at_once(cancelled, cancelled)
    await desk.tell_at_once(cancelled)

    assert len(await desk.rows("SELECT * FROM sizing_outcomes")) == 1
    assert await desk.reserved() == NOTHING


async def test_outcomes_of_an_unapproved_request_change_nothing(account: Desk) -> None:
    await account.report(**ENOUGH_FOR_ONE)
    await account.ask()
    refused = await account.ask()

    for outcome in ("executed", "cancelled", "failed"):
        await account.tell(refused.request_id, outcome)

    assert await account.reserved() == SETUP


async def test_captured_at_is_believed_no_later_than_its_arrival(desk: Desk, approved: SizingDecision) -> None:
    # A bridge whose clock is 20 s ahead reports before the execution, and claims to have captured after it.
    await desk.report(captured_at=ago(-20))
    await desk.tell(approved.request_id, "executed")

    assert await desk.reserved() == SETUP


async def test_reservations_are_never_updated(desk: Desk, approved: SizingDecision) -> None:
    before = await desk.rows("SELECT xmin::text, * FROM margin_reservations")
    await desk.tell(approved.request_id, "executed")
    await desk.report()
    await desk.reserved()

    assert await desk.rows("SELECT xmin::text, * FROM margin_reservations") == before


async def test_each_account_of_a_user_has_reservations_of_its_own(account: Desk) -> None:
    await account.report(login=2)
    await account.publish(login=2)
    first, second = ({"login": login, "server": "Test-MT5"} for login in (1, 2))

    await account.ask(account=first)

    assert await account.reserved(account=first) == SETUP
    assert await account.reserved(account=second) == NOTHING


async def test_without_an_account_the_only_fresh_one_reserves(account: Desk) -> None:
    await account.report(login=2, captured_at=ago(301))

    decision = await account.ask()

    assert decision.account is not None
    assert decision.account.login == 1
    assert await account.reserved(account={"login": 1, "server": "Test-MT5"}) == SETUP


async def test_of_several_fresh_accounts_one_must_be_named(account: Desk) -> None:
    await account.report(login=2)

    assert codes(await account.ask()) == ["ambiguous_account"]


async def test_a_shrinking_setup_takes_what_others_have_left(account: Desk) -> None:
    await account.report(margin_free="2500.00", margin_used="7500.00")
    await account.ask()

    # 2,500.00 − 1,169.22 = 1,330.78 free, × 0.8 = 1,064.624; × 1,064.624 / 1,169.22 and rounded down
    decision = await account.ask(on_insufficient_margin="shrink")

    assert decision.status == "approved"
    assert [position.volume for position in decision.positions] == builders.decimals("0.27", "0.19", "0.08")
    assert {position.binding_limit for position in decision.positions} == {"margin"}
    # 0.27 × 1,950 + 0.19 × 1,948 + 0.08 × 1,946 = 526.50 + 370.12 + 155.68
    assert decision.summary.total_margin_required == Decimal("1052.30")
    assert await account.reserved() == Decimal("2221.52")


@pytest.mark.parametrize("mode", ["netting", "exchange"])
async def test_a_position_that_is_one_takes_one_stop(account: Desk, mode: str) -> None:
    await account.report(account={"margin_mode": mode})
    shared_stop = [builders.entry("1950.00", "1940.00"), builders.entry("1948.00", "1940.00")]

    assert codes(await account.ask()) == ["stops_differ"]
    assert (await account.ask(entries=shared_stop)).status == "approved"


async def test_no_margin_is_reserved_where_none_of_a_setup_is_approved(account: Desk) -> None:
    await account.report(margin_free="1000.00", margin_used="9000.00")  # the first entry alone would fit

    decision = await account.ask()

    assert (decision.status, decision.positions) == ("rejected", ())
    assert await account.rows("SELECT * FROM margin_reservations") == []
