"""Looks at the terminal: calls its functions, which block, and hands on what they gave. No judgement here.

Whatever the terminal does not answer is a TerminalError; a symbol that it does not know is a reading without `info`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from examples.ea_bridge.rates import Quote
from examples.ea_bridge.snapshot import AccountReading, exact
from examples.ea_bridge.specs import Margins, SymbolReading
from examples.ea_bridge.terminal import ORDER_TYPE_BUY, ORDER_TYPE_SELL, OtherAccountError, TerminalError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from examples.ea_bridge.settings import BridgeSettings
    from examples.ea_bridge.terminal import SymbolInfo, Terminal

AnswerT = TypeVar("AnswerT")

EXCHANGE_MODES = (0, 5)
"""SYMBOL_TRADE_CALC_MODE of the pairs by which currencies are converted: forex, with and without leverage."""
ONE_LOT = 1.0
SHOWN = True
"""In Market Watch: only there has a symbol prices."""


def connect(terminal: Terminal, settings: BridgeSettings) -> None:
    """Connect to the terminal, logged in as configured. Raises TerminalError."""
    terminal.shutdown()  # of what a terminal that died has left
    path = [settings.terminal_path] if settings.terminal_path else []
    if not terminal.initialize(*path, **settings.credentials()):
        raise TerminalError(f"the terminal cannot be reached: {_cause(terminal)}")


def read_account(terminal: Terminal) -> AccountReading:
    """One look at the account. The terminal's own state is read last, so that figures of a connection that was lost
    meanwhile are not taken for new ones. Raises TerminalError, OtherAccountError as `confirm`."""
    captured_at = datetime.now(UTC)
    account = _answered(terminal, terminal.account_info(), "account_info")
    positions = _answered(terminal, terminal.positions_get(), "positions_get")
    state = _answered(terminal, terminal.terminal_info(), "terminal_info")
    reading = AccountReading(captured_at, account, state, positions)
    confirm(terminal, reading)
    return reading


def confirm(terminal: Terminal, reading: AccountReading) -> None:
    """Raises OtherAccountError where by now the terminal is logged in to another account than that of `reading`: what
    was read since may be of either. TerminalError where it does not answer."""
    before, now = reading.account, _answered(terminal, terminal.account_info(), "account_info")
    if (now.login, now.server) != (before.login, before.server):
        raise OtherAccountError(
            f"the terminal was logged in as {now.login} at {now.server} while {before.login} at {before.server} was"
            " looked at: nothing is published"
        )


def read_symbols(terminal: Terminal, wanted: Mapping[str, str]) -> list[SymbolReading]:
    """One look at each symbol of `wanted`, by instrument; they are put into Market Watch."""
    return [_read_symbol(terminal, instrument, symbol) for instrument, symbol in wanted.items()]


def read_quotes(terminal: Terminal, currencies: Collection[str], *, account_currency: str) -> list[Quote]:
    """The quotes that join any of `currencies` with the account's; their symbols are put into Market Watch.

    Raises TerminalError.
    """
    symbols = _answered(terminal, terminal.symbols_get(), "symbols_get")
    joining = [info.name for info in symbols if _joins(info, currencies, account_currency)]
    selected = [terminal.symbol_info(name) for name in joining if terminal.symbol_select(name, SHOWN)]
    return [
        Quote(info.currency_base, info.currency_profit, exact(info.bid), exact(info.ask)) for info in selected if info
    ]


def _read_symbol(terminal: Terminal, instrument: str, symbol: str) -> SymbolReading:
    terminal.symbol_select(symbol, SHOWN)
    info = terminal.symbol_info(symbol)
    return SymbolReading(instrument, symbol, info, _read_margins(terminal, info) if info else None)


def _read_margins(terminal: Terminal, info: SymbolInfo) -> Margins | None:
    """Both sides at one price, the dearer, for a spec has one."""
    if not info.ask:
        return None
    sides = (ORDER_TYPE_BUY, ORDER_TYPE_SELL)
    return Margins(info.ask, *(terminal.order_calc_margin(side, info.name, ONE_LOT, info.ask) for side in sides))


def _joins(info: SymbolInfo, currencies: Collection[str], account_currency: str) -> bool:
    if info.custom or info.trade_calc_mode not in EXCHANGE_MODES:
        return False
    pair = {info.currency_base, info.currency_profit}
    return account_currency in pair and not pair.isdisjoint(set(currencies) - {account_currency})


def _answered(terminal: Terminal, answer: AnswerT | None, name: str) -> AnswerT:
    if answer is None:
        raise TerminalError(f"the terminal does not answer {name}: {_cause(terminal)}")
    return answer


def _cause(terminal: Terminal) -> str:
    code, text = terminal.last_error()
    return f"{text} ({code})"
