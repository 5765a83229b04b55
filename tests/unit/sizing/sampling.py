"""Random requests in random situations: every mode, many odd numbers, and a share of everything that is refused."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any, get_args

from shared.schemas.instrument import CalcMode, InstrumentSpec
from shared.schemas.sizing import SizingRequest
from shared.sizing.account import Account, Candidate, PublishedSpec
from shared.sizing.configuration import Configuration, Rules
from shared.sizing.situation import Situation
from tests.unit.sizing.examples import CAPTURED_AT, NOW, account, request

MODES: tuple[CalcMode, ...] = get_args(CalcMode)
CURRENCIES = ("EUR", "USD", "GBP", "JPY", "CHF", "GBX", "XAU")
STANDARD = ("EURUSD", "GBPJPY", "USDCHF", "EURGBP", "XAUUSD", "GOLD", "XAGUSD", "US30", "eurusd")
PAIRS = ("EURUSD", "USDEUR", "GBPUSD", "USDJPY", "EURGBP", "EURCHF", "CHFJPY", "GBXUSD", "USDGBX", "XAUGBP", "USDUSD")


REQUESTS_PER_ACCOUNT = 8
"""An account and its spec serve for several requests, because making them takes longer than deciding."""


def samples(random: Random) -> Iterator[tuple[SizingRequest, Situation]]:
    """Requests and their situations, without end; about half are approved."""
    while True:
        held = _account(random, random.choice(CURRENCIES))
        kind = _standard if random.random() < 0.2 else _published
        asked = kind(random, held, _dial(random))
        yield from itertools.islice(asked, REQUESTS_PER_ACCOUNT)


def _rarely(random: Random, one_in: int) -> bool:
    return random.randrange(one_in) == 0


def _decimal(random: Random, low: int, high: int) -> Decimal:
    """Between 10^low and 10^high, of one to six significant digits."""
    digits = random.randrange(1, 10 ** random.randint(1, 6))
    return Decimal(digits).scaleb(random.randint(low, high) - len(str(digits)) + 1)


def _account(random: Random, currency: str) -> Account:
    basis = -_decimal(random, 0, 3) * random.randrange(2) if _rarely(random, 60) else _decimal(random, 4, 9)
    return account(
        currency=currency,
        currency_digits=random.choice((0, 2, 2, 2, 3, 8)),
        leverage=0 if _rarely(random, 60) else random.choice((1, 30, 100, 400, 500, 888)),
        balance=basis,
        equity=basis * Decimal(random.choice(("1", "1", "0.97", "1.2"))),
        margin_free=basis * Decimal(random.choice(("1", "3", "10", "30", "100", "1000", "-0.3"))),
        margin_mode=random.choice(("hedging",) * 8 + ("netting", "exchange")),
        trade_allowed=not _rarely(random, 60),
        captured_at=NOW - timedelta(milliseconds=_age_ms(random)),
    )


def _age_ms(random: Random) -> int:
    if _rarely(random, 60):
        return random.choice((300_001, 900_000))
    return random.choice((0, 1_000, 299_999, 300_000, -20_000))


def _dial(random: Random) -> Configuration:
    first = random.randint(1, 97)
    second = random.randint(1, 98 - first)
    percents = (first, second, 100 - first - second)
    splits = tuple(Decimal(percent).scaleb(-2) for percent in percents)
    if random.random() < 0.7:
        splits = (Decimal("0.50"), Decimal("0.35"), Decimal("0.15"))
    risk_percent = random.choice((Decimal(3), Decimal("1.5"), Decimal("0.1"), Decimal(50), Decimal("2.37")))
    return Configuration(7, risk_percent, (splits[0], splits[1], splits[2]), Decimal(random.choice((0, 20, 20, 99))))


def _rules(random: Random) -> Rules:
    return Rules(risk_basis=random.choice(("balance", "balance", "equity", "lower")))


def _situation(random: Random, dial: Configuration, *candidates: Candidate) -> Situation:
    expires_at = random.choice((None, None, NOW, NOW + timedelta(seconds=9)))
    if _rarely(random, 80):
        expires_at = NOW - timedelta(microseconds=1)
    return Situation(NOW, expires_at, dial, _rules(random), candidates)


def _entries(random: Random, side: str, price: Decimal, tick: Decimal) -> list[dict[str, Any]]:
    """Entries a few ticks apart, their stops up to a tenth of the price away; some off the grid, some wrong."""
    sign = 1 if side == "buy" else -1
    one_stop = random.random() < 0.4
    stop = price
    entries = []
    for number in range(random.randint(1, 3)):
        entry_price = price + sign * tick * random.randint(0, 3)
        if number == 0 or not one_stop:
            stop = price - sign * max(price * random.randint(1, 100) / 1000 // tick, Decimal(1)) * tick
        if _rarely(random, 6):
            entry_price, stop = entry_price + tick * Decimal("0.3"), stop - sign * tick * Decimal("0.01")
        if _rarely(random, 80):
            stop = entry_price + sign * tick * random.randint(0, 1)
        entry = {"entry_price": max(entry_price, tick / 7), "stop_loss": max(stop, tick / 7)}
        if _rarely(random, 3):
            entry["take_profit"] = max(entry_price + sign * tick * (50 if not _rarely(random, 40) else 0), tick / 7)
        entries.append(_quantized(entry))
    return entries


def _quantized(entry: dict[str, Decimal]) -> dict[str, Decimal]:
    return {field: price.quantize(Decimal("1E-9")) or Decimal("1E-9") for field, price in entry.items()}


def _published(random: Random, held: Account, dial: Configuration) -> Iterator[tuple[SizingRequest, Situation]]:
    tick = Decimal(random.choice(("0.00001", "0.001", "0.01", "0.25", "0.7", "5")))
    price = max(_decimal(random, 0, 4) // tick, Decimal(20)) * tick
    spec = _spec(random, random.choice(MODES), held, tick)
    while True:
        currency = "SEK" if _rarely(random, 100) else held.currency
        leverage = 77 if _rarely(random, 100) else held.leverage
        published = PublishedSpec(spec, currency, leverage, NOW - _spec_age(random))
        found = None if _rarely(random, 60) else published
        reserved = held.balance.copy_abs() * Decimal(random.choice(("0", "0", "0", "0.05")))
        yield (
            _request(random, held, spec.instrument, price, tick),
            _situation(
                random, dial, *_others(random), Candidate(held, has_specs=True, spec=found, margin_reserved=reserved)
            ),
        )


def _standard(random: Random, held: Account, dial: Configuration) -> Iterator[tuple[SizingRequest, Situation]]:
    tick = Decimal("0.0001")
    price = _decimal(random, 0, 3) + tick * 20
    has_specs = _rarely(random, 50)
    while True:
        rates = {pair: _decimal(random, -1, 2) for pair in random.sample(PAIRS, random.randint(0, 8))}
        yield (
            _request(random, held, random.choice(STANDARD), price, tick, rates=rates),
            _situation(
                random, dial, *_others(random), Candidate(held, has_specs, spec=None, margin_reserved=Decimal(0))
            ),
        )


def _spec_age(random: Random) -> timedelta:
    day = timedelta(days=1)
    return random.choice((day, day - timedelta(microseconds=1))) if _rarely(random, 50) else timedelta(0)


def _others(random: Random) -> tuple[Candidate, ...]:
    """Now and then another account of the user, fresh or not; and always one of somebody else."""
    other = account(id=2, user_id="u-18", login=2)
    if _rarely(random, 20):
        captured_at = random.choice((CAPTURED_AT, CAPTURED_AT - timedelta(hours=1)))
        other = account(id=3, login=3, captured_at=captured_at)
    return (Candidate(other, has_specs=False, spec=None, margin_reserved=Decimal(0)),)


def _request(
    random: Random,
    held: Account,
    instrument: str,
    price: Decimal,
    tick: Decimal,
    *,
    rates: dict[str, Decimal] | None = None,
) -> SizingRequest:
    key = {"login": 2 if _rarely(random, 80) else held.login, "server": held.server}
    side = random.choice(("buy", "sell"))
    return request(
        instrument=instrument,
        account=random.choice((None, key)),
        side=side,
        entries=_entries(random, side, price, tick),
        conversion_rates=rates or {},
        on_insufficient_margin=random.choice(("reject", "shrink")),
    )


def _maybe(random: Random, low: int, high: int) -> Decimal | None:
    return _decimal(random, low, high) if random.random() < 0.4 else None


def _spec(random: Random, mode: CalcMode, held: Account, tick: Decimal) -> InstrumentSpec:
    base, profit, margin = random.choices(CURRENCIES, k=3)
    if random.random() < 0.3:
        base = held.currency
    size, rate, face = _decimal(random, -1, 4), _decimal(random, -2, 2), _decimal(random, 2, 3)
    tick_value = size * tick * (1 if profit == held.currency else rate) * (face / 100 if mode == "exch_bonds" else 1)
    is_future = mode in ("futures", "exch_futures")
    return InstrumentSpec(
        instrument="THING",
        symbol="THING.x",
        calc_mode=mode,
        digits=5,
        contract_size=size,
        tick_size=tick,
        tick_value=(tick_value * _misreported(random)).quantize(Decimal("1E-14")) or Decimal("1E-14"),
        **_volumes(random),
        currency_base=base,
        currency_profit=profit,
        currency_margin=margin,
        profit_to_account=rate if random.random() < 0.8 else None,
        margin_to_account=None if _rarely(random, 30) else _decimal(random, -2, 1),
        margin_initial=_decimal(random, 0, 4) if is_future and not _rarely(random, 15) else _maybe(random, 0, 4),
        margin_rate_buy=_maybe(random, -1, 1),
        margin_rate_sell=_maybe(random, -1, 1),
        face_value=None if _rarely(random, 30) else face,
        margin_per_lot_buy=_maybe(random, 0, 4),
        margin_per_lot_sell=_maybe(random, 0, 4),
        margin_price=None if _rarely(random, 30) else _decimal(random, 0, 4),
        commission_per_lot=Decimal(random.choice(("0", "7.00"))),
    )


def _misreported(random: Random) -> Decimal:
    """A factor to the true tick value: nearly always within 1 %, the bounds included."""
    if _rarely(random, 40):
        return Decimal(random.choice(("10", "0.1", "1.0101", "0.9899")))
    return Decimal(random.choice(("1", "1", "1", "0.99", "1.01", "1.005")))


def _volumes(random: Random) -> dict[str, Any]:
    step = Decimal(random.choice(("0.01", "0.01", "0.10", "0.001", "0.03", "1", "7")))
    minimum = step * Decimal(random.choice(("1", "1", "1", "2", "10", "1.5")))
    return {
        "volume_min": minimum,
        "volume_max": minimum * Decimal(random.choice(("1", "33.3", "1000", "1000000", "1000000", "1000000"))),
        "volume_step": step,
        "volume_limit": random.choice((None, None, None, None, step * 5, step * Decimal("4000.5"), minimum / 2)),
    }
