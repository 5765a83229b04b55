"""Snapshots: an account in the database is the newest that its bridge reported."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from shared.messaging.topology import ACCOUNTS, KEY_SNAPSHOT
from tests import builders
from tests.acceptance.people import People


async def test_sync_create_new_account(people: People) -> None:
    sent = await people.report(
        {"currency": "GBP", "leverage": 200, "broker": "FxPro"},
        balance="50000.00",
        equity="48500.00",
        margin_used="5000.00",
        margin_free="43500.00",
        open_positions_count=3,
        total_positions_volume="2.50",
    )

    account = await people.account()

    assert account.user_id == people.user_id
    assert (account.mt5_server, account.broker_name, account.account_currency) == ("Test-MT5", "FxPro", "GBP")
    assert [account.balance, account.equity] == builders.decimals("50000.00", "48500.00")
    assert [account.margin_used, account.margin_free] == builders.decimals("5000.00", "43500.00")
    assert account.margin_level_percent == Decimal(970)  # 48,500 / 5,000 × 100
    assert (account.account_leverage, account.open_positions_count) == (200, 3)
    assert account.total_positions_volume == Decimal("2.50")
    assert (account.is_demo, account.sync_status) == (True, "active")
    assert account.last_synced_at == sent.captured_at


async def test_sync_update_existing_account(people: People) -> None:
    earlier = datetime.now(UTC) - timedelta(seconds=20)
    await people.report(balance="10000.00", captured_at=earlier.isoformat())
    created = await people.account()

    await people.report(balance="9500.00", equity="9400.00", captured_at=(earlier + timedelta(seconds=10)).isoformat())

    updated = await people.account()
    assert updated.id == created.id
    assert [updated.balance, updated.equity] == builders.decimals("9500.00", "9400.00")
    assert updated.created_at == created.created_at
    assert updated.updated_at > created.updated_at


async def test_get_account_validates_freshness(people: People) -> None:
    almost_stale = datetime.now(UTC) - timedelta(seconds=270)
    too_old = datetime.now(UTC) - timedelta(seconds=301)  # LOTWISE_FRESHNESS_SECONDS is 300
    await people.report(captured_at=too_old.isoformat())
    refused = await people.ask()
    shown = (await people.account()).sync_status

    await people.report(captured_at=almost_stale.isoformat())
    answered = await people.ask()

    assert ([reason.code for reason in refused.reasons], shown) == (["account_stale"], "stale")
    assert answered.status == "approved"
    assert (await people.account()).sync_status == "active"


async def test_sync_validates_required_fields(people: People) -> None:
    await people.report(balance="10000.00")
    document = builders.snapshot_document(user_id=people.user_id, login=people.login, balance="1.00")
    del document["equity"], document["margin_free"]

    message_id = await people.send_raw(
        ACCOUNTS, KEY_SNAPSHOT, "account.snapshot.v1", json.dumps(document).encode(), role="ea-bridge"
    )

    (refused,) = await people.sync_logs("refused")
    assert refused.error_code == "invalid_message"
    assert "equity: Field required" in refused.error_message
    assert "margin_free: Field required" in refused.error_message
    parked = await people.parked(ACCOUNTS, message_id)
    assert parked.headers["x-lotwise-reason"] == "invalid_message"
    assert json.loads(parked.body) == document
    account = await people.account()
    assert account.balance == Decimal("10000.00")
    assert account.sync_status == "error"


async def test_sync_logs_operation(people: People) -> None:
    start = datetime.now(UTC) - timedelta(seconds=20)
    await people.report(balance="10000.00", captured_at=start.isoformat())
    await people.report(
        balance="9000.00",
        equity="8900.00",
        margin_free="8800.00",
        captured_at=(start + timedelta(seconds=2)).isoformat(),
    )
    older = builders.snapshot(
        user_id=people.user_id,
        login=people.login,
        balance="5.00",
        captured_at=(start + timedelta(seconds=1)).isoformat(),
    )
    await people.bridge.publish(older)

    (superseded,) = await people.sync_logs("superseded")
    first, second = await people.sync_logs("applied")

    assert (first.operation, first.balance_before, first.balance_after) == ("snapshot", None, Decimal("10000.00"))
    assert (second.balance_before, second.balance_after) == (Decimal("10000.00"), Decimal("9000.00"))
    assert [second.equity_after, second.margin_free_after] == builders.decimals("8900.00", "8800.00")
    assert second.message_id is not None
    assert superseded.captured_at == older.captured_at
    assert (await people.account()).balance == Decimal("9000.00")
