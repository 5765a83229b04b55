"""What the bridge uses of a MetaTrader 5 terminal: the functions of the `MetaTrader5` package and the fields it reads.

Names and meanings are the package's (mql5.com/en/docs/python_metatrader5). Every function answers None or False where
it fails, and `last_error` then says why. `replayed_terminal` is the other implementation.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol, cast

from shared.client import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Sequence

ORDER_TYPE_BUY, ORDER_TYPE_SELL = 0, 1


class TerminalError(Exception):
    """The terminal does not answer, or shows what cannot be reported: wait and try again."""


class OtherAccountError(TerminalError):
    """The terminal is logged in to another account than the one that is to be reported: nothing is published."""


class SymbolsError(TerminalError):
    """The account was reported; of the symbols the terminal did not tell."""


class AccountInfo(Protocol):
    """ACCOUNT_*: money in account currency; `margin` is what is used."""

    login: int
    server: str
    company: str
    currency: str
    currency_digits: int
    leverage: int
    trade_mode: int
    margin_mode: int
    trade_allowed: bool
    trade_expert: bool
    balance: float
    equity: float
    margin: float
    margin_free: float


class TerminalInfo(Protocol):
    """TERMINAL_*: `connected` to the broker's server; `trade_allowed` is the Algo Trading button."""

    connected: bool
    trade_allowed: bool


class Position(Protocol):
    """An open position; volume in lots."""

    volume: float


class SymbolInfo(Protocol):
    """SYMBOL_*: what is unset is 0.0. A symbol that is not in Market Watch has no prices and no tick value."""

    name: str
    custom: bool
    digits: int
    trade_calc_mode: int
    trade_mode: int
    bid: float
    ask: float
    trade_contract_size: float
    trade_tick_size: float
    trade_tick_value_loss: float
    trade_face_value: float
    volume_min: float
    volume_max: float
    volume_step: float
    volume_limit: float
    margin_initial: float
    currency_base: str
    currency_profit: str
    currency_margin: str


class Terminal(Protocol):
    """The functions that the bridge calls."""

    def initialize(self, *path: str, **credentials: Any) -> bool:
        """Connect to the terminal, starting it where it does not run."""

    def shutdown(self) -> None:
        """Let go of the terminal; it runs on."""

    def last_error(self) -> tuple[int, str]:
        """Code and text of what failed last."""

    def account_info(self) -> AccountInfo | None:
        """The account that the terminal is logged in to."""

    def terminal_info(self) -> TerminalInfo | None:
        """The terminal's own state."""

    def positions_get(self) -> Sequence[Position] | None:
        """Every open position."""

    def symbols_get(self) -> Sequence[SymbolInfo] | None:
        """Every symbol of the broker."""

    def symbol_select(self, symbol: str, enable: bool, /) -> bool:  # noqa: FBT001  # it is the package's function
        """Show a symbol in Market Watch, or hide it."""

    def symbol_info(self, symbol: str, /) -> SymbolInfo | None:
        """One symbol."""

    def order_calc_margin(self, action: int, symbol: str, volume: float, price: float, /) -> float | None:
        """The margin of a market order, in account currency, as the broker would take it now."""


def metatrader() -> Terminal:
    """The terminal of this machine. Raises DeploymentError where the `MetaTrader5` package is not installed."""
    try:
        return cast("Terminal", importlib.import_module("MetaTrader5"))
    except ImportError:
        raise DeploymentError(
            "the MetaTrader5 package is not installed: on Windows, `pip install MetaTrader5`; there is none for other"
            " systems, where `--terminal demo` shows the bridge at work"
        ) from None
