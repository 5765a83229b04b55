"""What an EA bridge reports of one account: its snapshot and its instruments; and the event of a refusal."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from shared.schemas.values import (
    AccountCurrency,
    ExactDecimal,
    Identifier,
    Leverage,
    Login,
    Message,
    NonNegativeDecimal,
    UtcTime,
)

MarginMode = Literal["hedging", "netting", "exchange"]

ISO_4217_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"), 0),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""Minor-unit digits of the currencies that do not have two. Source: ISO 4217, list one."""
CURRENCY_DIGITS_DEFAULT = 2


class AccountKey(Message):
    """One account: a login number on a trade server."""

    login: Login
    server: Identifier


class SnapshotAccount(Message):
    """The account of a snapshot, with what seldom changes."""

    login: Login
    server: Identifier
    broker: Identifier
    currency: AccountCurrency
    currency_digits: Annotated[int, Field(ge=0, le=8)] | None = None
    leverage: Leverage
    is_demo: bool
    margin_mode: MarginMode = "hedging"
    trade_allowed: bool = True

    @property
    def digits(self) -> int:
        """Decimal places of the account's currency: as told, else ISO 4217's, else 2."""
        if self.currency_digits is not None:
            return self.currency_digits
        return ISO_4217_DIGITS.get(self.currency, CURRENCY_DIGITS_DEFAULT)


class AccountSnapshot(Message):
    """`account.snapshot.v1`: the figures of one account at `captured_at`, in account currency.

    `captured_at` is when the bridge read them, by its host's NTP clock, never the broker's server time.
    """

    user_id: Identifier
    account: SnapshotAccount
    balance: ExactDecimal
    equity: ExactDecimal
    margin_used: NonNegativeDecimal
    margin_free: ExactDecimal
    open_positions_count: Annotated[int, Field(ge=0, le=2**31 - 1)]
    total_positions_volume: NonNegativeDecimal
    captured_at: UtcTime


class InstrumentsAccount(Message):
    """The account whose broker is quoted; a spec serves while currency and leverage equal the newest snapshot's."""

    login: Login
    server: Identifier
    currency: AccountCurrency
    leverage: Leverage


class AccountInstruments(Message):
    """`account.instruments.v1`: what the account's broker says of its symbols.

    `instruments` are left unread here: `shared.schemas.instrument.read_specs` reads each alone, so that a wrong one is
    refused without the others.
    """

    user_id: Identifier
    account: InstrumentsAccount
    captured_at: UtcTime
    instruments: Annotated[tuple[Any, ...], Field(strict=False, min_length=1, max_length=5000)]


class AccountRefused(Message):
    """`account.refused.v1`, an event: a message of this account changed nothing, for the reason `code`."""

    user_id: Identifier | None
    account: AccountKey | None
    captured_at: UtcTime | None
    code: str
