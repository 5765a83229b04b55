"""Terminals that replay what real brokers have published of their symbols: `fixtures/symbols.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from examples.ea_bridge.replayed_terminal import (
    ReplayedAccount,
    ReplayedPosition,
    ReplayedSymbol,
    ReplayedTerminal,
)

ROWS: dict[str, dict[str, Any]] = {
    row["id"]: row for row in json.loads((Path(__file__).parent / "fixtures" / "symbols.json").read_text())
}
NUMBERS = {
    "bid": "bid",
    "ask": "ask",
    "contract": "trade_contract_size",
    "tick_size": "trade_tick_size",
    "tick_value_loss": "trade_tick_value_loss",
    "vmin": "volume_min",
    "vmax": "volume_max",
    "vstep": "volume_step",
    "volume_limit": "volume_limit",
}
AS_THEY_ARE = {
    "symbol": "name",
    "digits": "digits",
    "calc_mode": "trade_calc_mode",
    "base": "currency_base",
    "profit": "currency_profit",
    "margin": "currency_margin",
}


def symbol(number: str, **fields: Any) -> ReplayedSymbol:
    """A symbol as its row says; what the row does not give is unset, as in a terminal."""
    row = ROWS[number]
    numbers = {name: float(row[key]) for key, name in NUMBERS.items() if key in row}
    others = {name: row[key] for key, name in AS_THEY_ARE.items() if key in row}
    return ReplayedSymbol(**{**numbers, **others, **fields})


def pair(base: str, profit: str, bid: float, ask: float, **fields: Any) -> ReplayedSymbol:
    """A currency pair with a price and nothing else."""
    given = {"currency_base": base, "currency_profit": profit, "bid": bid, "ask": ask, **fields}
    return ReplayedSymbol(**{"name": f"{base}{profit}", **given})


def terminal(*symbols: ReplayedSymbol, **account: Any) -> ReplayedTerminal:
    """A terminal that runs, with the account of MetaQuotes' documentation of account_info."""
    given = {
        "login": 25115284,
        "server": "MetaQuotes-Demo",
        "company": "MetaQuotes Software Corp.",
        "currency": "USD",
        "leverage": 100,
        "balance": 99511.4,
        "equity": 99553.22,
        "margin": 98.18,
        "margin_free": 99455.04,
        **account,
    }
    return ReplayedTerminal(
        account=ReplayedAccount(**given),
        symbols={one.name: one for one in symbols},
        positions=[ReplayedPosition(0.1), ReplayedPosition(0.2)],
        running=True,
    )
