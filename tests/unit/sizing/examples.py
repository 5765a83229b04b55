"""The contract's example, and small changes to it: what the tests of this folder start from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.schemas.instrument import InstrumentSpec
from shared.schemas.sizing import SizingDecision, SizingRequest
from shared.sizing.account import Account, Candidate, PublishedSpec
from shared.sizing.configuration import Configuration, Rules
from shared.sizing.decision import decide
from shared.sizing.situation import Situation

CAPTURED_AT = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
NOW = CAPTURED_AT + timedelta(seconds=1)
DIAL = Configuration(
    version=1,
    risk_percent=Decimal(3),
    entry_splits=(Decimal("0.50"), Decimal("0.35"), Decimal("0.15")),
    margin_buffer_percent=Decimal(20),
)

_GOLD = {
    "instrument": "XAUUSD",
    "symbol": "GOLD.r",
    "calc_mode": "cfd_leverage",
    "digits": 2,
    "contract_size": "100",
    "tick_size": "0.01",
    "tick_value": "0.79",
    "volume_min": "0.01",
    "volume_max": "50",
    "volume_step": "0.01",
    "currency_base": "XAU",
    "currency_profit": "USD",
    "currency_margin": "USD",
    "margin_to_account": "0.79",
    "profit_to_account": "0.79",
    "margin_rate_buy": "1",
    "margin_rate_sell": "1",
    "commission_per_lot": "0",
}
_EURUSD = {
    **_GOLD,
    "instrument": "EURUSD",
    "symbol": "EURUSD.r",
    "calc_mode": "forex",
    "digits": 5,
    "contract_size": "100000",
    "tick_size": "0.00001",
    "currency_base": "EUR",
    "currency_margin": "EUR",
}
_REQUEST: dict[str, Any] = {
    "request_id": "8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10",
    "user_id": "u-17",
    "account": None,
    "setup_id": "setup-001",
    "instrument": "XAUUSD",
    "side": "buy",
    "entries": [
        {"entry_price": "1950.00", "stop_loss": "1945.00", "take_profit": "1965.00"},
        {"entry_price": "1948.00", "stop_loss": "1943.00"},
        {"entry_price": "1946.00", "stop_loss": "1941.00"},
    ],
    "conversion_rates": {},
    "on_insufficient_margin": "reject",
    "expires_at": None,
}


def gold(**changes: Any) -> InstrumentSpec:
    """GOLD.r of a GBP account, as the contract's section 2 has it."""
    return InstrumentSpec.model_validate(_GOLD | changes)


def eurusd(**changes: Any) -> InstrumentSpec:
    """EURUSD of a EUR account, at 1.0852 dollars."""
    return InstrumentSpec.model_validate(
        _EURUSD | {"tick_value": "0.92149", "profit_to_account": "0.92149", "margin_to_account": None} | changes
    )


def request(**changes: Any) -> SizingRequest:
    """The contract's request: three entries, 5 dollars of stop each."""
    return SizingRequest.model_validate(_REQUEST | changes)


def one_entry(entry_price: str, stop_loss: str, **changes: Any) -> SizingRequest:
    """A request for a single entry."""
    return request(entries=[{"entry_price": entry_price, "stop_loss": stop_loss}], **changes)


def account(**changes: Any) -> Account:
    """The contract's account: 50,000 pounds, 43,500 of them free, at 1:100."""
    example: dict[str, Any] = {
        "id": 1,
        "user_id": "u-17",
        "login": 590338389,
        "server": "FxPro-MT5 Demo",
        "currency": "GBP",
        "currency_digits": 2,
        "leverage": 100,
        "balance": Decimal("50000.00"),
        "equity": Decimal("48500.00"),
        "margin_free": Decimal("43500.00"),
        "margin_mode": "hedging",
        "trade_allowed": True,
        "captured_at": CAPTURED_AT,
    }
    return Account(**(example | changes))


def candidate(
    account: Account, spec: InstrumentSpec | None = None, *, has_specs: bool | None = None, reserved: str = "0"
) -> Candidate:
    """The account with a spec published for it as it is, or with none."""
    published = None if spec is None else PublishedSpec(spec, account.currency, account.leverage, CAPTURED_AT)
    has_any = spec is not None if has_specs is None else has_specs
    return Candidate(account, has_specs=has_any, spec=published, margin_reserved=Decimal(reserved))


def dial(
    risk_percent: str = "3", *, buffer_percent: str = "20", splits: tuple[str, str, str] | None = None
) -> Configuration:
    """A configuration; by default the contract's."""
    first, second, third = splits or ("0.50", "0.35", "0.15")
    return Configuration(
        1, Decimal(risk_percent), (Decimal(first), Decimal(second), Decimal(third)), Decimal(buffer_percent)
    )


def situation(
    *candidates: Candidate,
    configuration: Configuration = DIAL,
    rules: Rules | None = None,
    now: datetime = NOW,
    expires_at: datetime | None = None,
) -> Situation:
    """One second after the account's snapshot, under the contract's dial and the default rules."""
    return Situation(now, expires_at, configuration, rules or Rules(), candidates)


def reply(asked: SizingRequest, given: Situation) -> SizingDecision:
    """The reply alone."""
    return decide(asked, given).reply


def codes(answer: SizingDecision) -> list[str]:
    """The codes of the reasons."""
    return [reason.code for reason in answer.reasons]
