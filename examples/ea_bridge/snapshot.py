"""An account as its terminal shows it → `account.snapshot.v1`. Pure: no terminal, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import ValidationError

from examples.ea_bridge.terminal import TerminalError
from shared.schemas.account import AccountSnapshot
from shared.schemas.reasons import field_errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from examples.ea_bridge.terminal import AccountInfo, Position, TerminalInfo

TRADE_MODE_REAL = 2
"""ACCOUNT_TRADE_MODE: demo is 0, contest 1; neither holds real money."""
MARGIN_MODES = {0: "netting", 1: "exchange", 2: "hedging"}
"""ACCOUNT_MARGIN_MODE."""


@dataclass(frozen=True, slots=True)
class AccountReading:
    """What one look at the terminal gave. `captured_at`: just before the look, by this host's clock, never by the
    broker's."""

    captured_at: datetime
    account: AccountInfo
    terminal: TerminalInfo
    positions: Sequence[Position]


def exact(value: float) -> Decimal:
    """The shortest decimal that reads back as `value`: 0.1 is 0.1, and 100000.0 is 100000."""
    return Decimal(repr(value)).normalize()


def obstacles(reading: AccountReading) -> tuple[str, ...]:
    """Why no order may be placed on the account now; empty where one may."""
    account, terminal = reading.account, reading.terminal
    found = {
        "the terminal has lost its broker": not terminal.connected,
        "the terminal's Algo Trading button is off": not terminal.trade_allowed,
        "the broker does not let this account trade": not account.trade_allowed,
        "the broker does not let programs trade on this account": not account.trade_expert,
    }
    return tuple(obstacle for obstacle, stands in found.items() if stands)


def to_snapshot(reading: AccountReading, *, user_id: str) -> AccountSnapshot:
    """The message. Raises TerminalError where the terminal shows what no snapshot may hold, as while it starts."""
    account = reading.account
    document = {
        "user_id": user_id,
        "account": _account(reading),
        "balance": exact(account.balance),
        "equity": exact(account.equity),
        "margin_used": exact(account.margin),
        "margin_free": exact(account.margin_free),
        "open_positions_count": len(reading.positions),
        "total_positions_volume": sum((exact(position.volume) for position in reading.positions), Decimal(0)),
        "captured_at": reading.captured_at,
    }
    try:
        return AccountSnapshot.model_validate(document)
    except ValidationError as error:
        faults = "; ".join(f"{fault.field}: {fault.message}" for fault in field_errors(error))
        raise TerminalError(f"the account as it is shown cannot be reported: {faults}") from None


def _account(reading: AccountReading) -> dict[str, object]:
    account = reading.account
    return {
        "login": account.login,
        "server": account.server.strip(),
        "broker": account.company.strip() or account.server.strip(),
        "currency": account.currency,
        "currency_digits": account.currency_digits,
        "leverage": account.leverage,
        "is_demo": account.trade_mode != TRADE_MODE_REAL,
        "margin_mode": MARGIN_MODES.get(account.margin_mode, account.margin_mode),
        "trade_allowed": not obstacles(reading),
    }
