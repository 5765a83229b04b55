"""What a message does to an account, decided from values alone: applied, superseded or refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from shared.schemas.account import AccountInstruments, AccountSnapshot
from shared.schemas.reasons import SyncReasonCode

FUTURE_TOLERANCE_S = 30
"""How far ahead of the database's clock a snapshot may claim to be captured: the reach of ordinary clock skew."""

Key = tuple[str, int]
"""An account: (mt5_server, mt5_account_id)."""
SyncStatus = Literal["active", "inactive", "stale", "error"]


@dataclass(frozen=True, slots=True)
class Standing:
    """An account as it stands: whose it is, its balance, and when the snapshot that it shows was captured."""

    user_id: str
    balance: Decimal
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class Applied:
    """The snapshot is the newest. `balance_before` is None for an account's first."""

    balance_before: Decimal | None


@dataclass(frozen=True, slots=True)
class Superseded:
    """Older than what stands, or the same again: it changes nothing."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It changes nothing and is parked with its code."""

    code: SyncReasonCode
    message: str


def judge(snapshot: AccountSnapshot, standing: Standing | None, *, now: datetime) -> Applied | Superseded | Refused:
    """What `snapshot` does to the account that stands as `standing` (None: not known yet); `now` by the database."""
    if refusal := refuse(snapshot, standing, now=now):
        return refusal
    if standing is None:
        return Applied(balance_before=None)
    if snapshot.captured_at <= standing.captured_at:
        return Superseded()
    return Applied(balance_before=standing.balance)


def refuse(
    message: AccountSnapshot | AccountInstruments, standing: Standing | None, *, now: datetime
) -> Refused | None:
    """Why a readable message may not be applied, if so."""
    ahead_s = (message.captured_at - now).total_seconds()
    if ahead_s > FUTURE_TOLERANCE_S:
        return Refused(
            "captured_in_future",
            f"captured_at is {ahead_s:.0f} s ahead of the database's clock; synchronise the bridge's host by NTP",
        )
    if standing is not None and standing.user_id != message.user_id:
        return Refused("account_owner_mismatch", "the account belongs to another user; the operator alone moves it")
    return None


def after(snapshot: AccountSnapshot) -> Standing:
    """How the account stands once `snapshot` is applied."""
    return Standing(snapshot.user_id, snapshot.balance, snapshot.captured_at)


def status(snapshot: AccountSnapshot, *, now: datetime, freshness_s: int) -> SyncStatus:
    """The account's status with `snapshot` as its newest."""
    if now - snapshot.captured_at > timedelta(seconds=freshness_s):
        return "stale"
    return "active" if snapshot.account.trade_allowed else "inactive"
