"""A terminal that is not there: it answers as the package does, with values that were written down before.

For a look at the bridge without Windows, and for its tests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NO_CONNECTION = (-10004, "No IPC connection")


@dataclass(slots=True)
class ReplayedAccount:
    """The fields of the package's AccountInfo that the bridge reads."""

    login: int
    server: str
    company: str
    currency: str
    leverage: int
    balance: float
    equity: float
    margin: float
    margin_free: float
    currency_digits: int = 2
    trade_mode: int = 0
    margin_mode: int = 2
    trade_allowed: bool = True
    trade_expert: bool = True


@dataclass(slots=True)
class ReplayedState:
    """The same of TerminalInfo."""

    connected: bool = True
    trade_allowed: bool = True


@dataclass(slots=True)
class ReplayedPosition:
    """The same of TradePosition."""

    volume: float


@dataclass(slots=True)
class ReplayedSymbol:
    """The same of SymbolInfo: unset numbers are 0.0, unset texts empty, as in the package."""

    name: str
    custom: bool = False
    digits: int = 0
    trade_calc_mode: int = 0
    trade_mode: int = 4
    bid: float = 0.0
    ask: float = 0.0
    trade_contract_size: float = 0.0
    trade_tick_size: float = 0.0
    trade_tick_value_loss: float = 0.0
    trade_face_value: float = 0.0
    volume_min: float = 0.0
    volume_max: float = 0.0
    volume_step: float = 0.0
    volume_limit: float = 0.0
    margin_initial: float = 0.0
    currency_base: str = ""
    currency_profit: str = ""
    currency_margin: str = ""


@dataclass(slots=True)
class ReplayedTerminal:
    """`margins`: what order_calc_margin answers for one lot, by symbol; None for every other.

    `symbols_known` false: it does not answer symbols_get, as one that has not had the list from its broker yet.
    `running` false: the terminal's process is gone, and starts again only by `initialize`, while `startable`; `starts`
    are the credentials of each attempt.
    """

    account: ReplayedAccount
    symbols: dict[str, ReplayedSymbol]
    positions: list[ReplayedPosition] = field(default_factory=list)
    state: ReplayedState = field(default_factory=ReplayedState)
    margins: dict[str, float] = field(default_factory=dict)
    symbols_known: bool = True
    running: bool = False
    startable: bool = True
    starts: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> Self:
        """The terminal that a JSON document describes."""
        document = json.loads(file.read_text(encoding="utf-8"))
        return cls(
            account=ReplayedAccount(**document["account"]),
            symbols={row["name"]: ReplayedSymbol(**row) for row in document["symbols"]},
            positions=[ReplayedPosition(**row) for row in document["positions"]],
            margins=document["margins"],
        )

    def initialize(self, *path: str, **credentials: Any) -> bool:
        """Connect; `path` is of no account here."""
        del path
        self.running = self.startable
        self.starts.append(credentials)
        return self.running

    def shutdown(self) -> None:
        """Disconnect."""
        self.running = False

    def last_error(self) -> tuple[int, str]:
        """What failed last: the only thing that can is the connection."""
        return NO_CONNECTION

    def account_info(self) -> ReplayedAccount | None:
        """The account."""
        return self.account if self.running else None

    def terminal_info(self) -> ReplayedState | None:
        """The terminal's state."""
        return self.state if self.running else None

    def positions_get(self) -> Sequence[ReplayedPosition] | None:
        """The open positions."""
        return self.positions if self.running else None

    def symbols_get(self) -> Sequence[ReplayedSymbol] | None:
        """Every symbol."""
        return list(self.symbols.values()) if self.running and self.symbols_known else None

    def symbol_select(self, symbol: str, enable: bool, /) -> bool:  # noqa: FBT001  # it is the package's function
        """Every symbol of the broker is in Market Watch already."""
        return enable and self.running and symbol in self.symbols

    def symbol_info(self, symbol: str, /) -> ReplayedSymbol | None:
        """One symbol."""
        return self.symbols.get(symbol) if self.running else None

    def order_calc_margin(self, action: int, symbol: str, volume: float, price: float, /) -> float | None:
        """What was written down, for that volume; None where nothing was."""
        del action, price
        margin = self.margins.get(symbol) if self.running else None
        return None if margin is None else margin * volume
