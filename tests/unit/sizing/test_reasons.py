"""Each reason code, and which of several answers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.schemas.decoding import InvalidMessage
from shared.schemas.reasons import FieldError
from shared.schemas.sizing import SizingDecision, SizingRequest
from shared.sizing.configuration import Rules
from shared.sizing.decision import decide
from shared.sizing.reply import conflict_reply, invalid_reply
from shared.sizing.situation import Situation
from tests.unit.sizing.examples import (
    CAPTURED_AT,
    NOW,
    account,
    candidate,
    codes,
    eurusd,
    gold,
    one_entry,
    reply,
    request,
    situation,
)

KEY = {"login": 590338389, "server": "FxPro-MT5 Demo"}
WRONG_STOP = [{"entry_price": "1950", "stop_loss": "1955"}]
TWO_STOPS = [{"entry_price": "1950", "stop_loss": "1945"}, {"entry_price": "1948", "stop_loss": "1943"}]


def refusal(asked: SizingRequest, given: Situation) -> tuple[str, str | None]:
    """The one reason of a refusal."""
    answer = reply(asked, given)
    assert len(answer.reasons) == 1
    assert answer.positions == ()
    assert answer.status == ("error" if answer.reasons[0].code == "invalid_stop" else "rejected")
    assert answer.reservation_expires_at is None
    return answer.reasons[0].code, answer.reasons[0].field


def test_a_request_is_sized_until_its_last_moment_and_expired_after_it() -> None:
    held = candidate(account(), gold())

    assert codes(reply(request(), situation(held, expires_at=NOW))) == []
    expired = situation(held, expires_at=NOW - timedelta(microseconds=1))
    assert refusal(request(), expired) == ("request_expired", None)


def test_every_price_on_the_wrong_side_is_named() -> None:
    entries = [
        {"entry_price": "1950", "stop_loss": "1950", "take_profit": "1950"},
        {"entry_price": "1950", "stop_loss": "1949.99", "take_profit": "1950.01"},
        {"entry_price": "1950", "stop_loss": "1955", "take_profit": "1940"},
    ]

    answer = reply(request(entries=entries), situation())

    assert answer.status == "error"
    assert [(reason.code, reason.field) for reason in answer.reasons] == [
        ("invalid_stop", "entries.0.stop_loss"),
        ("invalid_stop", "entries.0.take_profit"),
        ("invalid_stop", "entries.2.stop_loss"),
        ("invalid_stop", "entries.2.take_profit"),
    ]


def test_a_sell_loses_above_its_entry_and_wins_below_it() -> None:
    held = candidate(account(), gold())
    right = [{"entry_price": "1950", "stop_loss": "1955", "take_profit": "1940"}]
    wrong = [{"entry_price": "1950", "stop_loss": "1945", "take_profit": "1960"}]

    assert reply(request(side="sell", entries=right), situation(held)).status == "approved"
    answer = reply(request(side="sell", entries=wrong), situation(held))
    assert [reason.field for reason in answer.reasons] == ["entries.0.stop_loss", "entries.0.take_profit"]


def test_a_stop_that_the_tick_grid_moves_to_zero_is_invalid() -> None:
    coarse = gold(tick_size="10", tick_value="790")

    assert refusal(one_entry("15", "9"), situation(candidate(account(), coarse))) == (
        "invalid_stop",
        "entries.0.stop_loss",
    )
    assert refusal(one_entry("9", "15", side="sell"), situation(candidate(account(), coarse))) == (
        "invalid_stop",
        "entries.0.entry_price",
    )


def test_an_account_that_nobody_reported_is_not_found() -> None:
    assert refusal(request(), situation()) == ("account_not_found", None)
    assert refusal(request(account=KEY), situation()) == ("account_not_found", "account")
    other = candidate(account(login=2), gold())
    assert refusal(request(account=KEY), situation(other)) == ("account_not_found", "account")
    same_login_elsewhere = candidate(account(server="Other-Live"), gold())
    assert refusal(request(account=KEY), situation(same_login_elsewhere)) == ("account_not_found", "account")


def test_another_users_account_is_not_found() -> None:
    theirs = candidate(account(user_id="u-18"), gold())

    assert refusal(request(), situation(theirs)) == ("account_not_found", None)
    assert refusal(request(account=KEY), situation(theirs)) == ("account_not_found", "account")


def test_several_fresh_accounts_are_ambiguous_until_one_is_named() -> None:
    both = situation(candidate(account(id=2, login=2), gold()), candidate(account(), gold()))

    assert refusal(request(), both) == ("ambiguous_account", "account")
    answer = reply(request(account=KEY), both)
    assert answer.account is not None
    assert answer.account.login == 590338389


def test_the_only_fresh_account_of_several_is_meant() -> None:
    stale = candidate(account(id=2, login=2, captured_at=CAPTURED_AT - timedelta(hours=1)), gold())

    answer = reply(request(), situation(stale, candidate(account(), gold())))

    assert answer.account is not None
    assert answer.account.login == 590338389


def test_where_no_account_is_fresh_the_answer_is_stale() -> None:
    old = CAPTURED_AT - timedelta(hours=1)
    first = candidate(account(captured_at=old), gold())
    second = candidate(account(id=2, login=2, captured_at=old, trade_allowed=False), gold())

    assert refusal(request(), situation(first)) == ("account_stale", None)
    assert refusal(request(), situation(second)) == ("account_stale", None)
    assert refusal(request(), situation(first, second)) == ("account_stale", None)
    alone = decide(request(), situation(first))
    assert alone.account == first.account
    assert decide(request(), situation(first, second)).account is None


def test_an_account_is_fresh_for_exactly_its_threshold() -> None:
    held = candidate(account(), gold())
    threshold = CAPTURED_AT + timedelta(seconds=300)

    assert codes(reply(request(), situation(held, now=threshold))) == []
    just_after = situation(held, now=threshold + timedelta(microseconds=1))
    assert refusal(request(), just_after) == ("account_stale", None)
    assert refusal(request(account=KEY), just_after) == ("account_stale", None)


def test_a_snapshot_slightly_ahead_of_the_clock_is_fresh() -> None:
    held = candidate(account(captured_at=NOW + timedelta(seconds=20)), gold())

    assert codes(reply(request(), situation(held))) == []


def test_an_account_that_may_not_trade_is_inactive() -> None:
    assert refusal(request(), situation(candidate(account(trade_allowed=False), gold()))) == ("account_inactive", None)


@pytest.mark.parametrize(
    ("risk_basis", "balance", "equity", "refused"),
    [
        ("balance", "0", "100", True),
        ("balance", "-1", "100", True),
        ("balance", "100000", "0", False),
        ("equity", "100000", "0", True),
        ("equity", "0", "100000", False),
        ("lower", "100000", "0", True),
        ("lower", "0", "100000", True),
        ("lower", "100000", "90000", False),
    ],
)
def test_nothing_is_risked_of_a_basis_that_is_not_positive(
    *, risk_basis: Any, balance: str, equity: str, refused: bool
) -> None:
    held = candidate(account(balance=Decimal(balance), equity=Decimal(equity)), gold())

    answer = reply(request(), situation(held, rules=Rules(risk_basis=risk_basis)))

    assert codes(answer) == (["non_positive_balance"] if refused else [])


def test_the_lower_of_balance_and_equity_is_risked_where_the_operator_says_so() -> None:
    held = candidate(account(), gold())

    budgets = [
        reply(request(), situation(held, rules=Rules(risk_basis=basis))).summary.allocated_risk_amount
        for basis in ("balance", "equity", "lower")
    ]

    assert budgets == [1500, 1455, 1455]


@pytest.mark.parametrize("mode", ["forex", "cfd", "exch_stocks"])
def test_a_leverage_of_zero_is_refused_in_any_mode(mode: str) -> None:
    held = candidate(account(leverage=0), gold(calc_mode=mode))

    assert refusal(request(), situation(held)) == ("invalid_leverage", None)


def test_an_account_with_specs_is_sized_on_its_own_specs_only() -> None:
    held = candidate(account(currency="USD"), None, has_specs=True)

    assert refusal(request(), situation(held)) == ("unknown_instrument", "instrument")


@pytest.mark.parametrize("name", ["US30", "BTCUSD", "xauusd", "XAUUSD.r", "EURUSDT", "USDEUR", "EURSEK"])
def test_what_has_no_standard_contract_is_unknown(name: str) -> None:
    held = candidate(account(currency="USD"))

    assert refusal(request(instrument=name), situation(held)) == ("unknown_instrument", "instrument")


def test_a_spec_serves_until_the_accounts_currency_or_leverage_changes() -> None:
    published = candidate(account(), gold()).spec
    for changed in (account(leverage=200), account(currency="EUR")):
        held = candidate(changed, gold())
        stale = situation(type(held)(changed, has_specs=True, spec=published, margin_reserved=Decimal(0)))
        assert refusal(request(), stale) == ("instrument_stale", None)


def test_a_spec_serves_while_it_is_younger_than_its_threshold() -> None:
    held = candidate(account(), gold())
    rules = Rules(instrument_freshness_s=10)

    almost = CAPTURED_AT + timedelta(seconds=10) - timedelta(microseconds=1)
    assert codes(reply(request(), situation(held, rules=rules, now=almost))) == []
    at_once = situation(held, rules=rules, now=CAPTURED_AT + timedelta(seconds=10))
    assert refusal(request(), at_once) == ("instrument_stale", None)


@pytest.mark.parametrize("mode", ["netting", "exchange"])
def test_one_position_cannot_have_two_stops(mode: str) -> None:
    held = candidate(account(margin_mode=mode), gold())
    one_stop = [{"entry_price": "1950", "stop_loss": "1940.0"}, {"entry_price": "1948", "stop_loss": "1940.00"}]

    assert refusal(request(entries=TWO_STOPS), situation(held)) == ("stops_differ", "entries.1.stop_loss")
    assert codes(reply(request(entries=one_stop), situation(held))) == []
    standard = candidate(account(margin_mode=mode, currency="USD"))
    assert refusal(request(entries=TWO_STOPS), situation(standard)) == ("stops_differ", "entries.1.stop_loss")


def test_a_missing_rate_is_never_guessed() -> None:
    held = candidate(account())

    assert refusal(request(), situation(held)) == ("missing_conversion_rate", "conversion_rates")
    unrelated = request(conversion_rates={"EURJPY": "160", "USDCHF": "0.9"})
    assert refusal(unrelated, situation(held)) == ("missing_conversion_rate", "conversion_rates")
    # EURUSD on a GBP account: EURGBP converts the margin, and with the entry's own price the loss too.
    pair = one_entry("1.0852", "1.0802", instrument="EURUSD", conversion_rates={"EURGBP": "0.85"})
    assert codes(reply(pair, situation(held))) == []


def test_a_budget_below_the_smallest_volume_is_not_raised_to_it() -> None:
    # 395.00 per lot; 3 % of 263 is 7.89 and half of it 3.94: 0.0099 lots.
    held = candidate(account(balance=Decimal(263)), gold())

    assert refusal(request(), situation(held)) == ("below_minimum_volume", None)


def test_margin_up_to_the_buffer_is_used_and_not_a_penny_more() -> None:
    # The example needs 5,803.83 (exactly 5803.8298); with 20 % held back that takes 7,254.78725 free.
    def held(margin_free: str) -> Situation:
        return situation(candidate(account(margin_free=Decimal(margin_free)), gold()))

    assert codes(reply(request(), held("7254.78725"))) == []
    assert refusal(request(), held("7254.78724")) == ("margin_buffer", None)
    assert refusal(request(), held("5803.8298")) == ("margin_buffer", None)
    assert refusal(request(), held("5803.8297")) == ("insufficient_margin", None)
    assert refusal(request(), held("0")) == ("insufficient_margin", None)
    assert refusal(request(), held("-1")) == ("insufficient_margin", None)


def test_margin_that_other_setups_hold_is_not_free() -> None:
    held = candidate(account(), gold(), reserved="37696.1703")

    answer = reply(request(), situation(held))

    assert codes(answer) == ["insufficient_margin"]
    assert answer.summary.margin_available == Decimal("5803.82")
    assert answer.summary.margin_reserved == Decimal("37696.18")
    assert answer.summary.margin_after == Decimal("-0.01")


ORDER: list[tuple[str, dict[str, Any]]] = [
    ("request_expired", {"expires_at": NOW - timedelta(seconds=1)}),
    ("invalid_stop", {"entries": WRONG_STOP}),
    ("account_not_found", {"user_id": "u-18"}),
    ("account_inactive", {"trade_allowed": False}),
    ("account_stale", {"captured_at": CAPTURED_AT - timedelta(hours=1)}),
    ("non_positive_balance", {"balance": Decimal(0)}),
    ("invalid_leverage", {"leverage": 0}),
    ("unknown_instrument", {"published": False}),
    ("instrument_stale", {"instrument_freshness_s": 1}),
    ("instrument_inconsistent", {"tick_value": "7.9"}),
    ("stops_differ", {"margin_mode": "netting"}),
    ("below_minimum_volume", {"volume_min": "49"}),
    ("insufficient_margin", {"margin_free": Decimal(4000)}),
    ("margin_buffer", {"margin_free": Decimal(5500)}),
]


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_the_first_reason_of_the_contracts_order_answers_alone(first: int) -> None:
    """Everything from `first` on is wrong at once; where two are the same field, the earlier one has it."""
    wrong: dict[str, Any] = {}
    for _, change in reversed(ORDER[first:]):
        wrong |= change
    held_fields = ("trade_allowed", "captured_at", "balance", "leverage", "margin_mode", "margin_free")
    held = account(**{field: wrong[field] for field in held_fields if field in wrong})
    spec = gold(**{field: wrong[field] for field in ("tick_value", "volume_min") if field in wrong})
    known = candidate(held, spec if wrong.get("published", True) else None, has_specs=True)
    given = situation(
        known,
        expires_at=wrong.get("expires_at"),
        rules=Rules(instrument_freshness_s=wrong.get("instrument_freshness_s", 86400)),
    )
    asked = request(account=KEY, entries=wrong.get("entries", TWO_STOPS), user_id=wrong.get("user_id", "u-17"))

    assert refusal(asked, given)[0] == ORDER[first][0]


def test_a_refusal_tells_what_it_reached_and_nothing_else() -> None:
    unread = reply(request(entries=WRONG_STOP), situation(candidate(account(), gold())))
    assert unread.summary.model_dump(exclude_none=True) == {"global_risk_percent": 3}
    assert unread.config_version == 1
    assert (unread.account, unread.symbol, unread.captured_at) == (None, None, None)

    unpriced = reply(request(), situation(candidate(account(), gold(tick_value="7.9"))))
    assert unpriced.summary.model_dump(exclude_none=True) == {"global_risk_percent": 3, "allocated_risk_amount": 1500}
    assert unpriced.symbol == "GOLD.r"
    assert unpriced.captured_at == CAPTURED_AT

    poor = reply(request(), situation(candidate(account(margin_free=Decimal(5000)), gold())))
    assert poor.summary.total_volume == Decimal("3.77")
    assert poor.summary.total_margin_required == Decimal("5803.83")
    assert poor.summary.margin_after == Decimal("-803.83")
    assert poor.positions == ()


def test_a_reason_speaks_in_a_sentence_with_figures() -> None:
    answer = reply(request(), situation(candidate(account(margin_free=Decimal(5900)), gold())))
    assert answer.reasons[0].message == (
        "The setup needs 5803.83 GBP of margin; 5900.00 GBP is free, of which the buffer leaves 4720.00 GBP."
    )


def test_a_conflict_decides_nothing() -> None:
    answer = conflict_reply(request(), NOW)

    assert answer.status == "error"
    assert codes(answer) == ["request_id_conflict"]
    assert answer.request_id == request().request_id
    assert answer.summary.model_dump(exclude_none=True) == {}
    assert (answer.account, answer.config_version, answer.positions) == (None, None, ())


def test_an_unreadable_request_is_answered_with_every_wrong_field_and_what_is_readable() -> None:
    errors = (FieldError("side", "must be buy or sell"), FieldError("entries", "is missing"))
    document = {"request_id": "not-a-uuid", "user_id": "u-17", "setup_id": 7, "side": "up", "instrument": "XAU\x00"}

    answer = invalid_reply(InvalidMessage(errors, document), NOW)

    assert answer.status == "error"
    assert [(reason.code, reason.field) for reason in answer.reasons] == [
        ("invalid_message", "side"),
        ("invalid_message", "entries"),
    ]
    assert answer.user_id == "u-17"
    assert (answer.request_id, answer.setup_id, answer.side, answer.instrument) == (None, None, None, None)
    assert SizingDecision.model_validate_json(answer.to_json()) == answer


def test_a_readable_identity_is_repeated() -> None:
    document = {"request_id": "8E3D1F0C-6c55-4e9b-9a52-0f6d3f2b7a10", "side": "sell", "setup_id": "s", "entries": 1}

    answer = invalid_reply(InvalidMessage((FieldError("entries", "must be a list"),), document), NOW)

    assert (answer.request_id, answer.side, answer.setup_id) == (request().request_id, "sell", "s")


def test_the_currency_pair_of_a_eur_account_is_checked_for_its_tick_value() -> None:
    held = candidate(account(currency="EUR"), eurusd(tick_value="9.2149"))

    assert refusal(one_entry("1.0852", "1.0802", instrument="EURUSD"), situation(held)) == (
        "instrument_inconsistent",
        "tick_value",
    )
