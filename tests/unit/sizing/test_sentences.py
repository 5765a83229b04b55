"""What people read: each refusal in a sentence of its own, with the figures that it turns on."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.sizing.account import Candidate
from shared.sizing.configuration import Rules
from shared.sizing.reply import conflict_reply
from tests.unit.sizing.examples import CAPTURED_AT, NOW, account, candidate, gold, one_entry, reply, request, situation

KEY = {"login": 590338389, "server": "FxPro-MT5 Demo"}
HOUR_OLD = account(captured_at=CAPTURED_AT - timedelta(hours=1))


def sentences(*candidates: Candidate, rules: Rules | None = None, **asked: Any) -> list[str]:
    """The messages of the refusal of the contract's request, changed so, one second after the account's snapshot."""
    return [reason.message for reason in reply(request(**asked), situation(*candidates, rules=rules)).reasons]


def sentence(*candidates: Candidate, rules: Rules | None = None, **asked: Any) -> str:
    """The only one of them."""
    (only,) = sentences(*candidates, rules=rules, **asked)
    return only


def of_spec(**changes: Any) -> str:
    """The same on the contract's account, with changes to the published spec."""
    return sentence(candidate(account(), gold(**changes)))


def test_an_expired_request_is_told_when_it_expired() -> None:
    answer = reply(request(), situation(expires_at=NOW - timedelta(milliseconds=500)))

    assert answer.reasons[0].message == (
        "The request expired at 2026-11-22T14:00:00.500Z; send a new one under a new request_id."
    )


@pytest.mark.parametrize(
    ("side", "stop_loss", "take_profit", "losing", "winning"),
    [("buy", "1955", "1940", "below", "above"), ("sell", "1945", "1960", "above", "below")],
)
def test_a_wrong_price_is_told_on_which_side_it_belongs(
    side: str, stop_loss: str, take_profit: str, losing: str, winning: str
) -> None:
    entry = {"entry_price": "1950.0", "stop_loss": stop_loss, "take_profit": take_profit}

    assert sentences(side=side, entries=[entry]) == [
        f"The stop loss of a {side} must be {losing} its entry price, 1950.0.",
        f"The take profit of a {side} must be {winning} its entry price, 1950.0.",
    ]


def test_a_price_below_the_first_tick_is_told_the_tick() -> None:
    coarse = candidate(account(), gold(tick_size="1E+1", tick_value="790"))

    assert sentence(coarse, entries=[{"entry_price": "15", "stop_loss": "9"}]) == (
        "Lies below the instrument's first tick, 10: send a price on the tick grid."
    )


def test_the_sender_is_told_which_account_is_missing_or_too_many() -> None:
    both = (candidate(account(id=2, login=2), gold()), candidate(account(), gold()))

    assert sentence() == "The user has no account: none has reported a snapshot yet."
    assert sentence(account=KEY) == "The user has no account 590338389 on FxPro-MT5 Demo."
    assert sentence(*both) == "The user has 2 fresh accounts: name one by its login and server."


def test_the_sender_is_told_how_old_the_accounts_figures_are() -> None:
    second = account(id=2, login=2, captured_at=HOUR_OLD.captured_at)
    rules = Rules(freshness_s=60)

    assert sentence(candidate(HOUR_OLD, gold()), rules=rules) == (
        "Account 590338389 on FxPro-MT5 Demo last reported 3601.0 s ago; figures older than 60 s are not sized on."
    )
    assert sentence(candidate(HOUR_OLD, gold()), candidate(second, gold()), rules=rules) == (
        "None of the user's 2 accounts has reported within 60 s: see that their terminals and the bridge are running."
    )


@pytest.mark.parametrize(
    ("basis", "noun", "amount"),
    [
        ("balance", "balance", "-1.50"),
        ("equity", "equity", "-0.5"),
        ("lower", "lower of balance and equity", "-1.50"),
    ],
)
def test_the_sender_is_told_what_the_risk_would_have_been_taken_of(basis: Any, noun: str, amount: str) -> None:
    held = candidate(account(balance=Decimal("-1.50"), equity=Decimal("-0.5")), gold())

    assert sentence(held, rules=Rules(risk_basis=basis)) == (
        f"The {noun} of Account 590338389 on FxPro-MT5 Demo is {amount} GBP: nothing to risk."
    )


def test_the_sender_is_told_what_has_no_contract_is_named() -> None:
    assert sentence(candidate(account(), has_specs=True)) == "The account's broker has published no XAUUSD."
    assert sentence(candidate(account()), instrument="US30") == (
        "The account has published no instruments, and US30 has no standard contract."
    )


def test_the_sender_is_told_why_a_spec_no_longer_serves() -> None:
    published = candidate(account(), gold()).spec
    changed = Candidate(
        account(currency="EUR", leverage=200), has_specs=True, spec=published, margin_reserved=Decimal(0)
    )

    assert sentence(changed) == (
        "The spec of XAUUSD was published for GBP at 1:100; the account is now in EUR at 1:200."
    )
    assert sentence(candidate(account(), gold()), rules=Rules(instrument_freshness_s=1)) == (
        "The spec of XAUUSD was published 1.0 s ago; it serves for 1 s."
    )


def test_the_sender_is_told_what_the_tick_value_should_be() -> None:
    assert of_spec(tick_value="7.9") == (
        "The published tick_value is 7.9 GBP; contract_size, tick_size and the conversion make it 0.79, and they must "
        "agree within 1 %."
    )


@pytest.mark.parametrize(
    ("changes", "lacks"),
    [
        ({"calc_mode": "futures"}, "margin_initial, which is the whole margin in mode futures."),
        (
            {"margin_per_lot_buy": "1500"},
            "margin_price, which is the price of margin_per_lot, which moves with it in mode cfd_leverage.",
        ),
        ({"margin_to_account": None}, "margin_to_account, which converts margin from USD to GBP."),
        ({"calc_mode": "exch_bonds"}, "face_value, without which a bond's tick value cannot be checked."),
        (
            {"calc_mode": "exch_bonds", "currency_profit": "EUR", "profit_to_account": None},
            "face_value, which is part of the margin in mode exch_bonds.",
        ),
    ],
)
def test_the_sender_is_told_what_a_spec_lacks_and_what_for(changes: dict[str, Any], lacks: str) -> None:
    assert of_spec(**changes) == f"The published spec lacks {lacks}"


def test_the_sender_is_told_which_two_stops_differ() -> None:
    netting = candidate(account(margin_mode="netting"), gold())
    entries = [{"entry_price": "1950", "stop_loss": "1945"}, {"entry_price": "1948", "stop_loss": "1943.0"}]

    assert sentence(netting, entries=entries) == (
        "A netting account holds one position per instrument, so its entries share one stop: 1943.0 differs from the "
        "first entry's 1945."
    )


@pytest.mark.parametrize(
    ("instrument", "rates", "source"),
    [
        pytest.param("XAUUSD", {}, "USD", id="of the loss and the margin"),
        # New Zealand's dollars come to pounds through one currency, Australia's would have to go through two.
        pytest.param("AUDNZD", {"NZDUSD": "0.6", "GBPUSD": "1.27"}, "AUD", id="of the margin alone"),
    ],
)
def test_the_sender_is_told_which_rate_is_missing(instrument: str, rates: dict[str, str], source: str) -> None:
    assert sentence(candidate(account()), instrument=instrument, conversion_rates=rates) == (
        f"No rate from {source} to GBP: send {source}GBP or GBP{source} in conversion_rates, or let the account "
        "publish its instruments."
    )


def test_the_sender_is_told_what_the_best_entry_could_buy_and_what_the_broker_takes() -> None:
    # 3 % of 263 is 7.89, half of it 3.945; 3.94 / 395 = 0.00997468….
    poor = candidate(account(balance=Decimal(263)), gold())

    assert sentence(poor) == (
        "No entry's budget buys enough: the best may lose 3.94 GBP at 395.00 GBP per lot, which is 0.00997468 lots, "
        "and the smallest volume is 0.01 lots in steps of 0.01."
    )
    assert of_spec(volume_min="49", volume_limit="100") == (
        "No entry's budget buys enough: the best may lose 750.00 GBP at 395.00 GBP per lot, which is 1.89873 lots, "
        "and the smallest volume is 49 lots in steps of 0.01."
    )
    assert of_spec(volume_min="0.3", volume_limit="0.2") == (
        "The broker takes at most 0.2 lots in all, and the smallest volume is 0.3 lots."
    )


def test_the_sender_is_told_how_much_margin_is_needed_and_how_much_is_free() -> None:
    # 5,803.8298 needed; 4,000 less 0.001 are 3,999.999.
    held = candidate(account(margin_free=Decimal(4000)), gold(), reserved="0.001")

    assert sentence(held) == (
        "The setup needs 5803.83 GBP of margin; 3999.99 GBP is free after 0.01 GBP that other setups hold."
    )


def test_the_sender_is_told_what_the_buffer_leaves_and_that_shrinking_did_not_help() -> None:
    # One entry of the smallest volume, 2,911.545; 3,000 less 10.001 are 2,989.999, and 80 % of that 2,391.9992.
    held = candidate(account(margin_free=Decimal(3000)), gold(volume_min="1.89"), reserved="10.001")
    asked = one_entry("1950", "1945", on_insufficient_margin="shrink")

    assert reply(asked, situation(held)).reasons[0].message == (
        "The setup needs 2911.55 GBP of margin; 2989.99 GBP is free after 10.01 GBP that other setups hold, of which "
        "the buffer leaves 2391.99 GBP; shrunk to that, no entry reaches the smallest volume."
    )


def test_the_sender_is_told_that_no_message_carries_the_figures() -> None:
    held = candidate(account(margin_free=Decimal("1" + 36 * "0")), gold())

    assert sentence(held) == (
        "The figures of this setup have more than 38 digits, which no message carries: check the published spec and "
        "the account's balance."
    )


def test_the_sender_is_told_that_a_request_id_is_taken() -> None:
    (reason,) = conflict_reply(request(), NOW).reasons

    assert reason.field == "request_id"
    assert reason.message == (
        "Another request was already decided under this request_id: send a new attempt under a new one."
    )


def test_the_sender_is_told_what_keeps_an_account_from_trading() -> None:
    assert sentence(candidate(account(trade_allowed=False), gold())) == (
        "Trading is disabled on Account 590338389 on FxPro-MT5 Demo, or its terminal has lost the broker."
    )
    assert sentence(candidate(account(leverage=0), gold())) == (
        "Account 590338389 on FxPro-MT5 Demo reports a leverage of 0."
    )
