"""Sizing: how many lots, so that the stop costs exactly the percent that the owner allows and the margin holds.

XAUUSD on a USD account: 100 oz a lot, so a stop five dollars away costs 500.00 per lot, and a lot at 1950.00 binds
100 × 1950.00 / leverage. 3 % of 10,000.00 is a budget of 300.00, split 50/35/15 into 150.00, 105.00 and 45.00.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from shared.schemas.sizing import SizingDecision
from tests import builders
from tests.acceptance.people import Owner, People


def codes(decision: SizingDecision) -> list[str]:
    return [reason.code for reason in decision.reasons]


async def test_margin_calculation_single_position(people: People) -> None:
    await people.report()
    await people.publish_specs(builders.gold())

    decision = await people.ask(entries=[builders.entry("1950.00", "1945.00")])

    (position,) = decision.positions
    assert position.volume == Decimal("0.30")
    assert position.margin_required == Decimal("585.00")  # 0.30 × 100 × 1950 / 100
    assert decision.summary.total_margin_required == Decimal("585.00")
    assert decision.summary.margin_after == Decimal("9415.00")


async def test_margin_calculation_multi_position(people: People) -> None:
    await people.report()
    await people.publish_specs(builders.gold())

    decision = await people.ask()

    margins = [position.margin_required for position in decision.positions]
    assert margins == builders.decimals("585.00", "409.08", "175.14")  # 0.30, 0.21 and 0.09 lots
    assert decision.summary.total_margin_required == Decimal("1169.22")
    assert (await people.audit(decision)).total_margin_required == Decimal("1169.22")


async def test_margin_calculation_handles_zero_leverage(people: People) -> None:
    await people.report({"leverage": 0})
    await people.publish_specs(builders.gold(), account={"leverage": 0})

    decision = await people.ask()

    assert (decision.status, codes(decision)) == ("rejected", ["invalid_leverage"])
    assert decision.positions == ()


async def test_calculate_sizes_standard_risk(people: People) -> None:
    await people.report()
    await people.publish_specs(builders.gold())

    decision = await people.ask()

    assert decision.status == "approved"
    assert [position.volume for position in decision.positions] == builders.decimals("0.30", "0.21", "0.09")
    losses = [position.stop_loss_amount for position in decision.positions]
    assert losses == builders.decimals("150.00", "105.00", "45.00")
    assert decision.summary.total_stop_loss_percent == Decimal(3)
    audit = await people.audit(decision)
    assert (audit.setup_approved, audit.rejection_reason) == (True, None)
    volumes = [audit.entry_1_volume, audit.entry_2_volume, audit.entry_3_volume]
    assert volumes == builders.decimals("0.30", "0.21", "0.09")


async def test_calculate_sizes_global_fixed_risk_applies_equally(people: People, other_people: People) -> None:
    await people.report(balance="10000.00")
    await people.publish_specs(builders.gold())
    await other_people.report(balance="50000.00", equity="50000.00", margin_free="50000.00")
    await other_people.publish_specs(builders.gold())

    small, large = await people.ask(), await other_people.ask()

    assert small.summary.global_risk_percent == large.summary.global_risk_percent == Decimal(3)
    assert small.summary.allocated_risk_amount == Decimal("300.00")
    assert large.summary.allocated_risk_amount == Decimal("1500.00")
    assert small.summary.total_stop_loss_percent == large.summary.total_stop_loss_percent == Decimal(3)


async def test_auto_size_positions_within_risk_budget(people: People) -> None:
    await people.report(balance="9999.99")
    await people.publish_specs(builders.gold(volume_step="0.07", volume_min="0.07"))

    decision = await people.ask()

    # 149.99 / 500 = 0.29998 → 0.28; 104.99 / 500 = 0.20998 → 0.14; 44.99 / 500 = 0.08998 → 0.07
    assert [position.volume for position in decision.positions] == builders.decimals("0.28", "0.14", "0.07")
    for position in decision.positions:
        assert position.stop_loss_amount <= position.risk_budget
    assert decision.summary.total_stop_loss_amount == Decimal("245.00")
    assert decision.summary.allocated_risk_amount == Decimal("299.99")


async def test_calculate_sizes_with_high_leverage(people: People) -> None:
    await people.report({"leverage": 1000})
    await people.publish_specs(builders.gold(), account={"leverage": 1000})

    decision = await people.ask(entries=[builders.entry("1950.00", "1945.00")])

    (position,) = decision.positions
    assert position.volume == Decimal("0.30")  # leverage buys margin, never risk
    assert position.margin_required == Decimal("58.50")  # 0.30 × 100 × 1950 / 1000


async def test_rejection_insufficient_margin(people: People) -> None:
    await people.report(margin_used="9000.00", margin_free="1000.00")
    await people.publish_specs(builders.gold())

    decision = await people.ask()

    assert (decision.status, codes(decision)) == ("rejected", ["insufficient_margin"])
    assert decision.positions == ()
    assert decision.summary.total_margin_required == Decimal("1169.22")
    assert decision.summary.margin_available == Decimal("1000.00")
    audit = await people.audit(decision)
    assert (audit.setup_approved, audit.rejection_reason) == (False, "insufficient_margin")
    assert audit.entry_1_volume is None


async def test_rejection_account_not_fresh(people: People) -> None:
    await people.report({"trade_allowed": False})
    await people.publish_specs(builders.gold())

    decision = await people.ask()

    assert (decision.status, codes(decision)) == ("rejected", ["account_inactive"])
    assert (await people.account()).sync_status == "inactive"


async def test_global_risk_config_used_correctly(people: People, owner: Owner) -> None:
    await people.report()
    await people.publish_specs(builders.gold())
    acknowledged = await owner.set_risk_percent("1.5")

    decision = await people.ask()

    assert decision.summary.global_risk_percent == Decimal("1.5")
    assert decision.summary.allocated_risk_amount == Decimal("150.00")
    assert [position.volume for position in decision.positions] == builders.decimals("0.15", "0.10", "0.04")
    assert decision.config_version == acknowledged["config_version"]
    audit = await people.audit(decision)
    assert (audit.global_risk_percent, audit.config_version) == (Decimal("1.5"), acknowledged["config_version"])


async def test_rejection_zero_balance(people: People) -> None:
    await people.report(balance="0.00", equity="500.00", margin_free="500.00")
    await people.publish_specs(builders.gold())

    decision = await people.ask()

    assert (decision.status, codes(decision)) == ("rejected", ["non_positive_balance"])
    assert (await people.audit(decision)).rejection_reason == "non_positive_balance"


async def test_rejection_stale_account_data(people: People) -> None:
    captured_at = datetime.now(UTC) - timedelta(seconds=301)
    await people.report(captured_at=captured_at.isoformat())
    await people.publish_specs(builders.gold())

    decision = await people.ask()

    assert (decision.status, codes(decision)) == ("rejected", ["account_stale"])
    assert decision.captured_at is None or decision.captured_at == captured_at
    assert (await people.audit(decision)).rejection_reason == "account_stale"
