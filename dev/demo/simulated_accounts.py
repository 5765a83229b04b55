"""A handful of accounts as their MetaTrader 5 terminals would report them, and what is to be traded on them.

The figures are a moment's, consistent with each other: GBPUSD 1.2658, EURUSD 1.0852, USDJPY 149.50, USDCHF 0.8820,
AUDUSD 0.6550, gold 1950; tick_value = contract_size × tick_size × profit_to_account.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.schemas.account import AccountInstruments, AccountSnapshot, InstrumentsAccount, SnapshotAccount
from shared.schemas.instrument import InstrumentSpec
from shared.schemas.sizing import Entry, Side

WAVE_S = 7.0
"""Seconds in which an account's equity swings once up and down."""


@dataclass(slots=True)
class Terminal:
    """One account and the positions on it. Money in account currency, `swing` too: how far the equity moves."""

    user: str
    account: SnapshotAccount
    balance: Decimal
    profit: Decimal
    margin_used: Decimal
    positions: int
    lots: Decimal
    swing: int
    specs: tuple[InstrumentSpec, ...] = ()
    opened: list[tuple[Decimal, Decimal]] = field(default_factory=list)
    """Lots and margin of the positions that were opened while we watched."""

    def snapshot(self, at: datetime) -> AccountSnapshot:
        """What the terminal shows at `at`."""
        moved = math.sin(2 * math.pi * at.timestamp() / WAVE_S + len(self.user) + self.account.login % 7)
        pennies = Decimal(1).scaleb(-self.account.digits)
        equity = (self.balance + self.profit + Decimal(str(self.swing * moved))).quantize(pennies)
        used = self.margin_used + sum((margin for _, margin in self.opened), Decimal(0))
        return AccountSnapshot(
            user_id=self.user,
            account=self.account,
            balance=self.balance,
            equity=equity,
            margin_used=used,
            margin_free=equity - used,
            open_positions_count=self.positions + len(self.opened),
            total_positions_volume=self.lots + sum((lots for lots, _ in self.opened), Decimal(0)),
            captured_at=at,
        )

    def instruments(self, at: datetime) -> AccountInstruments | None:
        """What its broker says of its symbols; None where the bridge has published nothing for it."""
        if not self.specs:
            return None
        known = self.account
        account = InstrumentsAccount(
            login=known.login, server=known.server, currency=known.currency, leverage=known.leverage
        )
        specs = tuple(spec.model_dump(mode="json") for spec in self.specs)
        return AccountInstruments(user_id=self.user, account=account, captured_at=at, instruments=specs)


@dataclass(frozen=True, slots=True)
class Setup:
    """What the signal engine wants to trade for one user: the same each time it asks."""

    user: str
    instrument: str
    side: Side
    entries: tuple[Entry, ...]
    conversion_rates: dict[str, Decimal] = field(default_factory=dict)
    executed: bool = True
    """Whether its orders reach the broker once it is approved; the others are called off."""


def _account(login: int, server: str, broker: str, currency: str, leverage: int) -> SnapshotAccount:
    return SnapshotAccount(
        login=login, server=server, broker=broker, currency=currency, leverage=leverage, is_demo=True
    )


def _entry(price: str, stop: str, target: str | None = None) -> Entry:
    return Entry.model_validate({"entry_price": price, "stop_loss": stop, "take_profit": target})


def _spec(instrument: str, symbol: str, *, profit_to_account: str, **more: Any) -> InstrumentSpec:
    contract, tick = Decimal(more["contract_size"]), Decimal(more["tick_size"])
    volumes = {"volume_min": "0.01", "volume_max": "50", "volume_step": "0.01"}
    return InstrumentSpec.model_validate(
        {
            "instrument": instrument,
            "symbol": symbol,
            "tick_value": contract * tick * Decimal(profit_to_account),
            "profit_to_account": profit_to_account,
            **volumes,
            **more,
        }
    )


def _gold(symbol: str, usd_to_account: str) -> InstrumentSpec:
    return _spec(
        "XAUUSD",
        symbol,
        calc_mode="cfd_leverage",
        digits=2,
        contract_size="100",
        tick_size="0.01",
        currency_base="XAU",
        currency_profit="USD",
        currency_margin="USD",
        profit_to_account=usd_to_account,
        margin_to_account=usd_to_account,
    )


def _pair(
    instrument: str, symbol: str, *, digits: int, profit_to_account: str, margin_to_account: str | None = None
) -> InstrumentSpec:
    return _spec(
        instrument,
        symbol,
        calc_mode="forex",
        digits=digits,
        contract_size="100000",
        tick_size=str(Decimal(1).scaleb(-digits)),
        currency_base=instrument[:3],
        currency_profit=instrument[3:],
        currency_margin=instrument[:3],
        profit_to_account=profit_to_account,
        margin_to_account=margin_to_account,
    )


def terminals() -> list[Terminal]:
    """The accounts: five that are kept alive, and `finn`'s, whose terminal went silent."""
    return [
        Terminal(
            "ana",
            _account(590338389, "FxPro-MT5 Demo", "FxPro", "GBP", 100),
            balance=Decimal("50000.00"),
            profit=Decimal(-1500),
            margin_used=Decimal("5000.00"),
            positions=3,
            lots=Decimal("2.50"),
            swing=180,
            specs=(_gold("GOLD.r", "0.79"),),
        ),
        Terminal(
            "ben",
            _account(25117402, "Tickmill-Demo", "Tickmill", "EUR", 30),
            balance=Decimal("20000.00"),
            profit=Decimal(150),
            margin_used=Decimal("1833.33"),
            positions=1,
            lots=Decimal("0.55"),
            swing=60,
            specs=(_pair("EURUSD", "EURUSD.i", digits=5, profit_to_account="0.92149"),),
        ),
        Terminal(
            "chie",
            _account(90012345, "OANDA-Japan MT5 Demo", "OANDA", "JPY", 25),
            balance=Decimal(3000000),
            profit=Decimal(-8800),
            margin_used=Decimal(59800),
            positions=1,
            lots=Decimal("0.10"),
            swing=6400,
            specs=(_pair("USDJPY", "USDJPY", digits=3, profit_to_account="1", margin_to_account="149.50"),),
        ),
        Terminal(
            "dan",
            _account(61204417, "Pepperstone-Demo", "Pepperstone", "USD", 200),
            balance=Decimal("10000.00"),
            profit=Decimal(0),
            margin_used=Decimal("0.00"),
            positions=0,
            lots=Decimal("0.00"),
            swing=0,
        ),
        Terminal(
            "eva",
            _account(3302718, "Swissquote-Demo", "Swissquote", "CHF", 100),
            balance=Decimal("8000.00"),
            profit=Decimal(-60),
            margin_used=Decimal("7790.00"),
            positions=5,
            lots=Decimal("4.10"),
            swing=4,
            specs=(_gold("XAUUSD", "0.882"),),
        ),
        Terminal(
            "finn",
            _account(7741082, "FusionMarkets-Demo", "Fusion Markets", "AUD", 100),
            balance=Decimal("15000.00"),
            profit=Decimal(95),
            margin_used=Decimal("400.00"),
            positions=1,
            lots=Decimal("0.40"),
            swing=30,
            specs=(_pair("AUDUSD", "AUDUSD", digits=5, profit_to_account="1.52672"),),
        ),
    ]


def setups() -> list[Setup]:
    """One setup a user. `eva` has too little free margin for hers; `finn`'s account grows stale before the end."""
    return [
        Setup(
            "ana",
            "XAUUSD",
            "buy",
            (
                _entry("1950.00", "1945.00", "1965.00"),
                _entry("1948.00", "1943.00", "1965.00"),
                _entry("1946.00", "1941.00", "1965.00"),
            ),
        ),
        Setup("ben", "EURUSD", "buy", (_entry("1.08520", "1.08020", "1.09520"), _entry("1.08420", "1.07920"))),
        Setup("chie", "USDJPY", "sell", (_entry("149.500", "149.900", "148.700"),)),
        Setup(
            "dan",
            "GBPJPY",
            "buy",
            (_entry("189.800", "189.200", "191.600"), _entry("189.500", "188.900")),
            conversion_rates={"USDJPY": Decimal("149.50"), "GBPUSD": Decimal("1.2700")},
            executed=False,
        ),
        Setup("eva", "XAUUSD", "buy", (_entry("1950.00", "1945.00", "1965.00"),)),
        Setup("finn", "AUDUSD", "sell", (_entry("0.65500", "0.65800", "0.64900"),)),
    ]
