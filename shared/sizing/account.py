"""The account that a setup is sized for: its figures, its broker's specs, which one is meant, and may it trade."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from shared.schemas.account import AccountKey, MarginMode
from shared.schemas.instrument import InstrumentSpec
from shared.schemas.reasons import Reason
from shared.schemas.values import format_decimal
from shared.sizing.configuration import RiskBasis, Rules
from shared.sizing.rational import Rational, exact


@dataclass(frozen=True, slots=True)
class Account:
    """An account as its newest snapshot tells it. Money is in `currency`; `leverage` 100 = 1:100, 0 = none reported."""

    id: int
    user_id: str
    login: int
    server: str
    currency: str
    currency_digits: int
    leverage: int
    balance: Decimal
    equity: Decimal
    margin_free: Decimal
    margin_mode: MarginMode
    trade_allowed: bool
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class PublishedSpec:
    """What the account's broker said of one instrument, and the account's currency and leverage when it did."""

    spec: InstrumentSpec
    currency: str
    leverage: int
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that may be meant, with what is known of it for one request.

    `has_specs`: it has published a spec of anything, so that the catalogue does not serve. `spec` is the one of the
    instrument asked for. `margin_reserved` is what its live reservations hold, in account currency.
    """

    account: Account
    has_specs: bool
    spec: PublishedSpec | None
    margin_reserved: Decimal


def choose(
    candidates: tuple[Candidate, ...], user_id: str, *, key: AccountKey | None, now: datetime, rules: Rules
) -> Candidate | Reason:
    """The account that `key` names; or, without one, the user's only fresh one, or the only one though it is stale.

    Accounts of other users do not exist for this user.
    """
    known = [candidate for candidate in candidates if _belongs(candidate.account, user_id, key)]
    if not known:
        return _not_found(key)
    if key is not None or len(known) == 1:
        return known[0]
    fresh = [candidate for candidate in known if not _is_stale(candidate.account, now, rules)]
    if len(fresh) == 1:
        return fresh[0]
    return _ambiguous(len(fresh)) if fresh else _none_fresh(len(known), rules)


def unusable(account: Account, now: datetime, rules: Rules, *, named: bool) -> Reason | None:
    """Why nothing can be sized on the account, if so. `named`: the request names it.

    Where it does not, freshness decides which account is meant, so that staleness is told before all else.
    """
    stale = _is_stale(account, now, rules)
    if not account.trade_allowed and (named or not stale):
        return Reason(
            code="account_inactive",
            message=f"Trading is disabled on {_name(account)}, or its terminal has lost the broker.",
        )
    if stale:
        return _stale(account, now, rules)
    if risk_basis(account, rules.risk_basis) <= 0:
        return _non_positive(account, rules.risk_basis)
    if account.leverage == 0:
        return Reason(code="invalid_leverage", message=f"{_name(account)} reports a leverage of 0.")
    return None


def risk_basis(account: Account, basis: RiskBasis) -> Rational:
    """The amount that the risk percent is taken of, in account currency."""
    if basis == "balance":
        return exact(account.balance)
    if basis == "equity":
        return exact(account.equity)
    return exact(min(account.balance, account.equity))


def _belongs(account: Account, user_id: str, key: AccountKey | None) -> bool:
    if account.user_id != user_id:
        return False
    return key is None or (account.login == key.login and account.server == key.server)


def _is_stale(account: Account, now: datetime, rules: Rules) -> bool:
    return now - account.captured_at > timedelta(seconds=rules.freshness_s)


def _name(account: Account) -> str:
    return f"Account {account.login} on {account.server}"


def _not_found(key: AccountKey | None) -> Reason:
    if key is None:
        return Reason(code="account_not_found", message="The user has no account: none has reported a snapshot yet.")
    message = f"The user has no account {key.login} on {key.server}."
    return Reason(code="account_not_found", message=message, field="account")


def _ambiguous(count: int) -> Reason:
    message = f"The user has {count} fresh accounts: name one by its login and server."
    return Reason(code="ambiguous_account", message=message, field="account")


def _none_fresh(count: int, rules: Rules) -> Reason:
    message = (
        f"None of the user's {count} accounts has reported within {rules.freshness_s} s: see that their terminals and "
        "the bridge are running."
    )
    return Reason(code="account_stale", message=message)


def _stale(account: Account, now: datetime, rules: Rules) -> Reason:
    age_s = (now - account.captured_at).total_seconds()
    return Reason(
        code="account_stale",
        message=f"{_name(account)} last reported {age_s:.1f} s ago; figures older than {rules.freshness_s} s are not "
        "sized on.",
    )


def _non_positive(account: Account, basis: RiskBasis) -> Reason:
    figures = {"balance": account.balance, "equity": account.equity, "lower": min(account.balance, account.equity)}
    noun = "lower of balance and equity" if basis == "lower" else basis
    amount = f"{format_decimal(figures[basis])} {account.currency}"
    return Reason(code="non_positive_balance", message=f"The {noun} of {_name(account)} is {amount}: nothing to risk.")
