"""Every number that the contract works out."""

from __future__ import annotations

import json
from decimal import Decimal

from tests.unit.sizing.examples import account, candidate, dial, eurusd, gold, one_entry, reply, request, situation


def test_the_example_of_the_contract_gets_the_reply_of_the_contract() -> None:
    answer = reply(request(), situation(candidate(account(), gold())))

    document = json.loads(answer.to_json())
    assert document["request_id"] == "8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10"
    assert (document["setup_id"], document["user_id"]) == ("setup-001", "u-17")
    assert (document["instrument"], document["side"]) == ("XAUUSD", "buy")
    assert document["status"] == "approved"
    assert document["reasons"] == []
    assert document["positions"][0] == {
        "entry_number": 1,
        "volume": "1.89",
        "entry_price": "1950.00",
        "stop_loss": "1945.00",
        "take_profit": "1965.00",
        "risk_budget": "750.00",
        "loss_per_lot": "395.00",
        "stop_loss_amount": "746.55",
        "margin_required": "2911.55",
        "binding_limit": "risk",
    }
    assert document["summary"] == {
        "global_risk_percent": "3",
        "allocated_risk_amount": "1500.00",
        "total_volume": "3.77",
        "total_stop_loss_amount": "1489.15",
        "total_stop_loss_percent": "2.98",
        "risk_used_percent": "99.27",
        "total_margin_required": "5803.83",
        "margin_available": "43500.00",
        "margin_reserved": "0.00",
        "margin_after": "37696.17",
    }
    assert document["symbol"] == "GOLD.r"
    assert document["account"] == {"login": 590338389, "server": "FxPro-MT5 Demo", "currency": "GBP"}
    assert document["config_version"] == 1
    assert document["captured_at"] == "2026-11-22T14:00:00.000Z"
    assert document["decided_at"] == "2026-11-22T14:00:01.000Z"
    assert document["reservation_expires_at"] == "2026-11-22T14:02:01.000Z"


def test_where_the_account_is_in_the_base_currency_the_loss_converts_at_the_stop() -> None:
    # A budget of 6,000, half of it for entry 1. At the stop one lot loses 0.05 × 100,000 / 1.04152 = 4,800.68 EUR.
    held = account(currency="EUR", balance=Decimal(200_000), margin_free=Decimal(200_000))

    answer = reply(one_entry("1.09152", "1.04152", instrument="EURUSD"), situation(candidate(held, eurusd())))

    assert answer.positions[0].risk_budget == 3000
    assert answer.positions[0].volume == Decimal("0.62")  # at the current rate: 0.65, losing 3,120
    assert answer.positions[0].loss_per_lot == Decimal("4800.68")


def test_an_inverted_rate_loses_no_step() -> None:
    # CHF 50 at risk, 100 pips of a yen pair at 85.00 yen to the franc: one unit loses 1.00 / 85, so 50 × 85 = 4,250.
    held = account(currency="CHF", balance=Decimal(10_000), margin_free=Decimal(10_000))
    chfjpy = eurusd(
        instrument="CHFJPY",
        contract_size="1",
        tick_size="0.01",
        tick_value="0.01",
        profit_to_account=None,
        currency_base="CHF",
        currency_margin="CHF",
        currency_profit="JPY",
        volume_min="1",
        volume_step="1",
        volume_max="100000",
    )
    given = situation(candidate(held, chfjpy), configuration=dial("1"))

    answer = reply(one_entry("86.00", "85.00", instrument="CHFJPY"), given)

    assert answer.positions[0].volume == 4250
    assert answer.positions[0].stop_loss_amount == 50


def test_an_inverted_conversion_rate_loses_no_step() -> None:
    # 50,000 CHF × 85 / (1.00 × 100,000) = 42.50 lots; with 1 / 85 as a decimal it would be 42.49.
    held = account(currency="CHF", balance=Decimal(10_000_000), margin_free=Decimal(10_000_000))
    asked = one_entry("150.00", "149.00", instrument="USDJPY", conversion_rates={"CHFJPY": "85"})

    answer = reply(asked, situation(candidate(held), configuration=dial("1")))

    assert answer.positions[0].volume == Decimal("42.50")
    assert answer.positions[0].stop_loss_amount == 50_000


def test_a_standard_pair_converts_its_margin_through_the_entrys_own_price() -> None:
    # 1000 EUR × 1.0852 / 1.27 = 854.488 GBP for one lot; one lot: 0.005 × 100,000 / 1.27 = 393.70 of 394 GBP.
    held = account(balance=Decimal(78_800))
    asked = one_entry("1.0852", "1.0802", instrument="EURUSD", conversion_rates={"GBPUSD": "1.27"})

    answer = reply(asked, situation(candidate(held), configuration=dial("1")))

    assert answer.symbol is None
    assert answer.positions[0].volume == 1
    assert answer.positions[0].margin_required == Decimal("854.49")
