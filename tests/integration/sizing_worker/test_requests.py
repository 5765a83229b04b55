"""Requests against what the database holds: which account, how fresh, which configuration, and the audit of each."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from shared.messaging.outcomes import Ack, Park
from shared.schemas.config import ConfigChanged, EntrySplits
from shared.schemas.sizing import SizingOutcome
from tests import builders
from tests.builders import gold
from tests.integration.deliveries import delivered, unread
from tests.integration.sizing_worker.desk import Desk, request

NOW = datetime.now(UTC)


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


async def test_an_approval_is_answered_audited_and_told_to_the_dashboards(open_desk: Desk) -> None:
    asked = request()

    (outcome,) = await open_desk.handler([delivered(asked)])

    assert isinstance(outcome, Ack)
    assert outcome.reply is not None
    (event,) = outcome.events
    assert (event.routing_key, event.type, event.body) == ("sizing.decided", "sizing.decision.v1", outcome.reply.body)
    (audit,) = await open_desk.audit()
    (account,) = await open_desk.rows("SELECT id FROM user_mt5_accounts")
    assert (audit.request_id, audit.user_id, audit.setup_id) == (asked.request_id, "u-1", "setup-001")
    assert (audit.user_mt5_account_id, audit.instrument, audit.side) == (account.id, "XAUUSD", "buy")
    assert (audit.account_balance, audit.account_equity) == (Decimal(10000), Decimal(10000))
    assert (audit.margin_available, audit.account_leverage) == (Decimal(10000), 100)
    assert (audit.global_risk_percent, audit.config_version) == (Decimal(3), 1)
    assert audit.allocated_risk_amount == Decimal(300)
    assert [audit.entry_1_volume, audit.entry_2_volume, audit.entry_3_volume] == builders.decimals(
        "0.30", "0.21", "0.09"
    )
    assert (audit.total_stop_loss_amount, audit.total_margin_required) == (Decimal(300), Decimal("1169.22"))
    assert (audit.setup_approved, audit.rejection_reason) == (True, None)
    assert audit.created_at == json_time(outcome.reply.body, "decided_at")


def json_time(body: bytes, field: str) -> datetime:
    return datetime.fromisoformat(json.loads(body)[field])


async def test_a_refusal_is_audited_with_its_code(desk: Desk) -> None:
    await desk.account(specs=[], account={"leverage": 0})

    assert await desk.codes(request()) == ["invalid_leverage"]

    (audit,) = await desk.audit()
    assert (audit.setup_approved, audit.rejection_reason) == (False, "invalid_leverage")
    assert [audit.entry_1_volume, audit.total_stop_loss_amount, audit.total_margin_required] == [None, None, None]


REFUSALS: dict[str, dict[str, Any]] = {
    "request_expired": {"request": {"expires_at": "2026-01-01T00:00:00Z"}},
    "invalid_stop": {"request": {"side": "sell"}},
    "account_not_found": {"request": {"user_id": "u-9"}},
    "account_inactive": {"account": {"account": {"trade_allowed": False}}},
    "account_stale": {"account": {"captured_at": "2026-01-01T00:00:00Z"}},
    "non_positive_balance": {"account": {"balance": "0.00"}},
    "invalid_leverage": {"account": {"account": {"leverage": 0}}},
    "unknown_instrument": {"request": {"instrument": "XAGUSD"}},
    "below_minimum_volume": {"account": {"balance": "10.00"}},
    "insufficient_margin": {"account": {"margin_free": "1169.21"}},
    "margin_buffer": {"account": {"margin_free": "1461.52"}},  # × 0.8 = 1,169.216, a little less than 1,169.22
}


@pytest.mark.parametrize("code", REFUSALS)
async def test_each_refusal_leaves_one_audit_row_with_its_code(desk: Desk, code: str) -> None:
    await desk.account(**REFUSALS[code].get("account", {}))

    assert await desk.codes(request(**REFUSALS[code].get("request", {}))) == [code]

    assert [(row.setup_approved, row.rejection_reason) for row in await desk.audit()] == [(False, code)]


@pytest.mark.parametrize("margin_free", ["1461.53", "10000.00"])
async def test_margin_that_is_just_enough_is_enough(desk: Desk, margin_free: str) -> None:
    await desk.account(margin_free=margin_free)  # 1,461.53 × 0.8 = 1,169.224

    assert await desk.codes(request()) == ["approved"]


async def test_an_expired_request_is_told_so_by_its_timestamp(open_desk: Desk) -> None:
    codes = await open_desk.codes(delivered(request(), sent_at=ago(61)), delivered(request(), sent_at=ago(50)))

    assert codes == ["request_expired", "approved"]


async def test_a_told_expiry_counts_and_the_timestamp_does_not(open_desk: Desk) -> None:
    later = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()

    assert await open_desk.codes(delivered(request(expires_at=later), sent_at=ago(3600))) == ["approved"]


@pytest.mark.parametrize("sent_at", [None, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
async def test_a_request_that_tells_no_time_it_can_expire_at_is_answered(
    open_desk: Desk, sent_at: datetime | None
) -> None:
    assert await open_desk.codes(delivered(request(), sent_at=sent_at)) == ["approved"]


async def test_of_several_fresh_accounts_one_must_be_named(open_desk: Desk) -> None:
    await open_desk.account(8)

    codes = await open_desk.codes(request(), request(account={"login": 8, "server": "Test-MT5"}))

    assert codes == ["ambiguous_account", "approved"]


async def test_of_several_accounts_the_only_fresh_one_is_meant(open_desk: Desk) -> None:
    await open_desk.account(8, captured_at=ago(301))

    (decision,) = await open_desk.decide(request())

    assert decision.account is not None
    assert (decision.status, decision.account.login) == ("approved", 7)


async def test_of_several_accounts_none_of_which_is_fresh_all_are_stale(desk: Desk) -> None:
    await desk.account(7, captured_at=ago(301))
    await desk.account(8, captured_at=ago(400))

    assert await desk.codes(request()) == ["account_stale"]


async def test_another_users_account_does_not_exist(open_desk: Desk) -> None:
    asked = request(user_id="u-2", account={"login": 7, "server": "Test-MT5"})

    (decision,) = await open_desk.decide(asked)

    assert (decision.reasons[0].code, decision.account) == ("account_not_found", None)
    (audit,) = await open_desk.audit()
    assert (audit.user_mt5_account_id, audit.account_balance) == (None, None)


async def test_specs_that_another_user_published_for_the_account_do_not_serve(desk: Desk) -> None:
    await desk.account(8, user_id="u-2", specs=[gold(tick_value="0.01")])
    await desk.execute("UPDATE mt5_instruments SET mt5_account_id = 7")
    await desk.account(specs=[])

    (decision,) = await desk.decide(request())

    assert (decision.status, decision.symbol) == ("approved", None)  # by the catalogue


async def test_a_spec_of_another_leverage_is_stale(open_desk: Desk) -> None:
    await open_desk.account(specs=[], account={"leverage": 50})

    assert await open_desk.codes(request()) == ["instrument_stale"]


async def test_a_day_old_spec_is_stale(open_desk: Desk) -> None:
    await open_desk.execute("UPDATE mt5_instruments SET captured_at = now() - interval '86401 seconds'")

    assert await open_desk.codes(request()) == ["instrument_stale"]


async def test_an_unreadable_request_is_parked_with_a_reply_that_names_every_wrong_field(open_desk: Desk) -> None:
    document = builders.request_document(user_id="u-1", side="long", entries=[builders.entry("-1", "NaN")], typo=1)

    (outcome,) = await open_desk.handler([unread("sizing.request.v1", json.dumps(document).encode())])

    assert isinstance(outcome, Park)
    assert outcome.reason == "invalid_message"
    assert outcome.reply is not None
    reply = json.loads(outcome.reply.body)
    assert (reply["status"], reply["request_id"], reply["side"]) == ("error", document["request_id"], None)
    assert [reason["field"] for reason in reply["reasons"]] == [
        "side",
        "entries.0.entry_price",
        "entries.0.stop_loss",
        "typo",
    ]
    assert {reason["code"] for reason in reply["reasons"]} == {"invalid_message"}
    assert await open_desk.audit() == []
    assert await open_desk.rows("SELECT * FROM decisions") == []


@pytest.mark.parametrize(
    "document",
    [
        {"a\x00b": 1},
        {"\ud800": 1},
        {"x" * 100_000: 1},
        {"request_id": [], "setup_id": "\ud800", "user_id": {}, "instrument": "\x00", "side": 7},
    ],
    ids=range(4),
)
async def test_whatever_is_in_a_wrong_request_it_is_answered(open_desk: Desk, document: dict[str, Any]) -> None:
    assert await open_desk.codes(unread("sizing.request.v1", json.dumps(document).encode())) == ["invalid_message"]


async def test_a_body_that_is_no_json_is_answered_without_an_id(open_desk: Desk) -> None:
    (decision,) = await open_desk.decide(unread("sizing.request.v1", b"\xff"))

    assert (decision.request_id, decision.status) == (None, "error")


async def test_a_version_that_the_broadcast_has_not_brought_is_used_at_once(open_desk: Desk) -> None:
    (before,) = await open_desk.decide(request())

    await open_desk.turn(2, "1.5")
    (after,) = await open_desk.decide(request())

    assert (before.config_version, before.summary.allocated_risk_amount) == (1, Decimal("300.00"))
    assert (after.config_version, after.summary.allocated_risk_amount) == (2, Decimal("150.00"))
    assert open_desk.current.value is not None
    assert open_desk.current.value.version == 2


async def test_every_request_of_a_batch_is_decided_under_one_version(open_desk: Desk) -> None:
    await open_desk.turn(2, "1.5")

    decisions = await open_desk.decide(request(), request(), request())

    assert {decision.config_version for decision in decisions} == {2}


async def test_a_broadcast_of_an_older_version_is_not_taken(open_desk: Desk) -> None:
    await open_desk.turn(2, "1.5")
    await open_desk.current.load(open_desk.database)

    open_desk.current.hear(changed(1, "3"))

    (decision,) = await open_desk.decide(request())
    assert (decision.config_version, decision.summary.global_risk_percent) == (2, Decimal("1.5"))


def changed(version: int, risk_percent: str) -> ConfigChanged:
    return ConfigChanged(
        config_version=version,
        fixed_risk_percent=Decimal(risk_percent),
        entry_splits=EntrySplits(
            entry_1_percent=Decimal("0.50"), entry_2_percent=Decimal("0.35"), entry_3_percent=Decimal("0.15")
        ),
        margin_buffer_percent=Decimal(20),
        updated_at=NOW,
        updated_by="owner-1",
        reason=None,
    )


async def test_a_broadcast_that_the_database_does_not_know_of_is_not_decided_by(open_desk: Desk) -> None:
    open_desk.current.hear(changed(99, "50"))

    (decision,) = await open_desk.decide(request())

    assert (decision.config_version, decision.summary.global_risk_percent) == (1, Decimal(3))


async def test_an_outcome_is_remembered_and_the_same_again_changes_nothing(open_desk: Desk) -> None:
    outcome = SizingOutcome(request_id=uuid4(), outcome="executed", occurred_at=NOW)

    results = await open_desk.handler([delivered(outcome), delivered(outcome), delivered(outcome)])

    assert [type(result) for result in results] == [Ack, Ack, Ack]
    (row,) = await open_desk.rows("SELECT request_id, outcome, occurred_at FROM sizing_outcomes")
    assert tuple(row) == (outcome.request_id, "executed", NOW)
    assert await open_desk.audit() == []


async def test_outcomes_and_requests_share_a_batch(open_desk: Desk) -> None:
    outcome = SizingOutcome(request_id=uuid4(), outcome="failed", occurred_at=NOW)

    results = await open_desk.handler([delivered(outcome), delivered(request())])

    assert [isinstance(result, Ack) and result.reply is not None for result in results] == [False, True]
