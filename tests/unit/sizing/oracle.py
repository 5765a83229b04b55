"""The contract's section 4 once more, in one place, as plainly as a person would do it on paper.

Independent of the engine on purpose: it shares no code with `shared.sizing`, only its input types; every number is a
fraction, every rule is written out where it applies, and nothing is quick.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from shared.schemas.instrument import InstrumentSpec
from shared.schemas.sizing import SizingRequest
from shared.sizing.account import Account, Candidate
from shared.sizing.situation import Situation

MAJORS = ("EURUSD", "GBPUSD", "AUDUSD", "NZDUSD", "USDCAD", "USDCHF", "USDJPY")
EURO_CROSSES = ("EURGBP", "EURAUD", "EURNZD", "EURCAD", "EURCHF", "EURJPY")
POUND_CROSSES = ("GBPAUD", "GBPNZD", "GBPCAD", "GBPCHF", "GBPJPY")
OTHER_CROSSES = ("AUDNZD", "AUDCAD", "AUDCHF", "AUDJPY", "NZDCAD", "NZDCHF", "NZDJPY", "CADCHF", "CADJPY", "CHFJPY")
METALS = {"XAUUSD": ("XAU", 100), "GOLD": ("XAU", 100), "XAGUSD": ("XAG", 5000)}
HUNDREDTHS = {"GBX": "GBP", "USX": "USD"}


@lru_cache(maxsize=10_000)
def exact(number: Decimal) -> Fraction:
    """A decimal as a fraction, remembered: a hundred thousand comparisons should not take minutes."""
    return Fraction(number)


class No(Exception):  # noqa: N818 - a refusal is not an error
    """The code that answers, and the fields where the contract wants them named."""

    def __init__(self, code: str, *fields: str) -> None:
        super().__init__(code)
        self.code, self.fields = code, fields


@dataclass
class Lot:
    """One entry of the setup on the way to its volume."""

    budget: Fraction
    loss: Fraction
    margin: Fraction
    volume: Fraction = Fraction(0)
    binding: str = ""


@dataclass
class Terms:
    """What the broker takes, and a function from (entry price, stop) to what one lot loses and binds."""

    minimum: Fraction
    maximum: Fraction | None
    step: Fraction
    limit: Fraction | None
    price: Any


def answer(request: SizingRequest, situation: Situation) -> dict[str, Any]:
    """`{"code", "fields"}` of a refusal, or the figures of an approval under the names of the reply."""
    try:
        return _approve(request, situation)
    except No as no:
        return {"code": no.code, "fields": no.fields}


def _approve(request: SizingRequest, situation: Situation) -> dict[str, Any]:
    dial = situation.configuration
    _the_request_is_in_time_and_its_stops_are_right(request, situation)
    candidate = _the_account(request, situation)
    account = candidate.account
    _the_account_can_trade(account, situation)
    terms = _the_terms(request, situation, candidate)

    basis = _basis(account, situation)
    budget = basis * exact(dial.risk_percent) / 100
    unit = Fraction(1, 10**account.currency_digits)
    lots = []
    for number, entry in enumerate(request.entries):
        loss, margin = terms.price(exact(entry.entry_price), exact(entry.stop_loss))
        lots.append(Lot(math.floor(budget * exact(dial.entry_splits[number]) / unit) * unit, loss, margin))
    _size(lots, terms)
    free = exact(account.margin_free) - exact(candidate.margin_reserved)
    limit = free - free * exact(dial.margin_buffer_percent) / 100
    _fit_the_margin(lots, terms, free=free, limit=limit, shrink=request.on_insufficient_margin == "shrink")

    lost = sum((lot.volume * lot.loss for lot in lots), Fraction(0))
    bound = sum((lot.volume * lot.margin for lot in lots), Fraction(0))
    return {
        "code": None,
        "positions": [_position(lot, unit) for lot in lots],
        "allocated_risk_amount": _down(budget, unit),
        "total_volume": sum(lot.volume for lot in lots),
        "total_stop_loss_amount": _up(lost, unit),
        "total_stop_loss_percent": _up(lost * 100 / basis, Fraction(1, 100)),
        "risk_used_percent": _down(lost * 100 / budget, Fraction(1, 100)),
        "total_margin_required": _up(bound, unit),
        "margin_available": _down(free, unit),
        "margin_reserved": _up(exact(candidate.margin_reserved), unit),
        "margin_after": _down(free - bound, unit),
    }


def _position(lot: Lot, unit: Fraction) -> dict[str, Any]:
    return {
        "volume": lot.volume,
        "risk_budget": lot.budget,
        "loss_per_lot": _up(lot.loss, unit),
        "stop_loss_amount": _up(lot.volume * lot.loss, unit),
        "margin_required": _up(lot.volume * lot.margin, unit),
        "binding_limit": lot.binding,
    }


def _the_request_is_in_time_and_its_stops_are_right(request: SizingRequest, situation: Situation) -> None:
    if situation.expires_at is not None and situation.expires_at < situation.decided_at:
        raise No("request_expired")
    sign = 1 if request.side == "buy" else -1
    fields = []
    for number, entry in enumerate(request.entries):
        if sign * (exact(entry.entry_price) - exact(entry.stop_loss)) <= 0:
            fields.append(f"entries.{number}.stop_loss")
        if entry.take_profit is not None and sign * (exact(entry.take_profit) - exact(entry.entry_price)) <= 0:
            fields.append(f"entries.{number}.take_profit")
    if fields:
        raise No("invalid_stop", *fields)


def _the_account(request: SizingRequest, situation: Situation) -> Candidate:
    own = [each for each in situation.candidates if each.account.user_id == request.user_id]
    if request.account is not None:
        wanted = (request.account.login, request.account.server)
        own = [each for each in own if (each.account.login, each.account.server) == wanted]
        if own:
            return own[0]
    if not own:
        raise No("account_not_found")
    fresh = [each for each in own if not _stale(each.account, situation)]
    if len(fresh) > 1:
        raise No("ambiguous_account")
    if not fresh:
        raise No("account_stale")
    return fresh[0]


def _stale(account: Account, situation: Situation) -> bool:
    return (situation.decided_at - account.captured_at).total_seconds() > situation.rules.freshness_s


def _basis(account: Account, situation: Situation) -> Fraction:
    balance, equity = exact(account.balance), exact(account.equity)
    return {"balance": balance, "equity": equity, "lower": min(balance, equity)}[situation.rules.risk_basis]


def _the_account_can_trade(account: Account, situation: Situation) -> None:
    if not account.trade_allowed:
        raise No("account_inactive")
    if _stale(account, situation):
        raise No("account_stale")
    if _basis(account, situation) <= 0:
        raise No("non_positive_balance")
    if account.leverage == 0:
        raise No("invalid_leverage")


def _the_terms(request: SizingRequest, situation: Situation, candidate: Candidate) -> Terms:
    published, account = candidate.spec, candidate.account
    if published is None:
        if candidate.has_specs or request.instrument not in {
            *MAJORS,
            *EURO_CROSSES,
            *POUND_CROSSES,
            *OTHER_CROSSES,
            *METALS,
        }:
            raise No("unknown_instrument")
        _the_stops_are_one(request, account)
        return Terms(Fraction(1, 100), None, Fraction(1, 100), None, lambda p, s: _standard_lot(request, account, p, s))
    age_s = (situation.decided_at - published.captured_at).total_seconds()
    same = published.currency == account.currency and published.leverage == account.leverage
    if not same or age_s >= situation.rules.instrument_freshness_s:
        raise No("instrument_stale")
    spec = published.spec
    _the_grid_has_a_price(request, spec)
    _the_spec_agrees_with_itself(spec, account, request.side)
    _the_stops_are_one(request, account)
    return Terms(
        minimum=exact(spec.volume_min),
        maximum=exact(spec.volume_max),
        step=exact(spec.volume_step),
        limit=exact(spec.volume_limit) if spec.volume_limit else None,
        price=lambda p, s: _published_lot(spec, account, request.side, *_on_the_grid(spec, request.side, p, s)),
    )


def _the_stops_are_one(request: SizingRequest, account: Account) -> None:
    if (
        account.margin_mode in ("netting", "exchange")
        and len({exact(entry.stop_loss) for entry in request.entries}) > 1
    ):
        raise No("stops_differ")


def _on_the_grid(spec: InstrumentSpec, side: str, price: Fraction, stop: Fraction) -> tuple[Fraction, Fraction]:
    tick = exact(spec.tick_size)
    upper, lower = (price, stop) if side == "buy" else (stop, price)
    upper, lower = math.ceil(upper / tick) * tick, math.floor(lower / tick) * tick
    return (upper, lower) if side == "buy" else (lower, upper)


def _the_grid_has_a_price(request: SizingRequest, spec: InstrumentSpec) -> None:
    fields = []
    for number, entry in enumerate(request.entries):
        price, stop = _on_the_grid(spec, request.side, exact(entry.entry_price), exact(entry.stop_loss))
        fields += [f"entries.{number}.entry_price"] * (price <= 0) + [f"entries.{number}.stop_loss"] * (stop <= 0)
    if fields:
        raise No("invalid_stop", *fields)


def _hundredth(currency: str) -> tuple[str, Fraction]:
    """A currency as (its whole currency, how much of it)."""
    return (HUNDREDTHS[currency], Fraction(1, 100)) if currency in HUNDREDTHS else (currency, Fraction(1))


def _same_money(source: str, target: str) -> Fraction | None:
    (name, worth), (other, divisor) = _hundredth(source), _hundredth(target)
    return worth / divisor if name == other else None


def _to_account(spec: InstrumentSpec, account: Account) -> tuple[Fraction | None, Fraction | None]:
    """(profit currency, margin currency) in the account's, None where nothing tells."""
    margin = (
        exact(spec.margin_to_account) if spec.margin_to_account else _same_money(spec.currency_margin, account.currency)
    )
    if spec.currency_margin == account.currency:
        margin = Fraction(1)
    profit = exact(spec.profit_to_account) if spec.profit_to_account else None
    if profit is None:
        same = spec.currency_profit == spec.currency_margin
        profit = margin if same else _same_money(spec.currency_profit, account.currency)
    if spec.currency_profit == account.currency:
        profit = Fraction(1)
    return profit, margin


def _the_spec_agrees_with_itself(spec: InstrumentSpec, account: Account, side: str) -> None:
    profit, margin = _to_account(spec, account)
    if profit is not None and spec.calc_mode not in ("futures", "exch_futures"):
        tick_value = exact(spec.contract_size) * exact(spec.tick_size) * profit
        if spec.calc_mode == "exch_bonds":
            if not spec.face_value:
                raise No("instrument_inconsistent", "face_value")
            tick_value = tick_value * exact(spec.face_value) / 100
        if not Fraction(99, 100) <= exact(spec.tick_value) / tick_value <= Fraction(101, 100):
            raise No("instrument_inconsistent", "tick_value")
    _the_margin_can_be_told(spec, side, margin)


def _the_margin_can_be_told(spec: InstrumentSpec, side: str, margin: Fraction | None) -> None:
    priced = spec.calc_mode in ("cfd", "exch_stocks", "cfd_index", "cfd_leverage", "exch_bonds")
    if {"buy": spec.margin_per_lot_buy, "sell": spec.margin_per_lot_sell}[side]:
        if priced and not spec.margin_initial and not spec.margin_price:
            raise No("instrument_inconsistent", "margin_price")
        return
    if margin is None:
        raise No("instrument_inconsistent", "margin_to_account")
    if not spec.margin_initial:
        if spec.calc_mode in ("futures", "exch_futures"):
            raise No("instrument_inconsistent", "margin_initial")
        if spec.calc_mode == "exch_bonds" and not spec.face_value:
            raise No("instrument_inconsistent", "face_value")


def _published_lot(
    spec: InstrumentSpec, account: Account, side: str, price: Fraction, stop: Fraction
) -> tuple[Fraction, Fraction]:
    loss = abs(price - stop) / exact(spec.tick_size) * exact(spec.tick_value)
    in_base = _same_money(spec.currency_base, account.currency)
    foreign = _same_money(spec.currency_base, spec.currency_profit) is None
    if spec.calc_mode in ("forex", "forex_no_leverage") and in_base is not None and foreign:
        loss = abs(price - stop) * exact(spec.contract_size) / stop * in_base
    return loss + exact(spec.commission_per_lot), _published_margin(spec, account, side, price)


def _published_margin(spec: InstrumentSpec, account: Account, side: str, price: Fraction) -> Fraction:
    mode, size, leverage = spec.calc_mode, exact(spec.contract_size), account.leverage
    told = {"buy": spec.margin_per_lot_buy, "sell": spec.margin_per_lot_sell}[side]
    if told:
        moves = mode in ("cfd", "exch_stocks", "cfd_index", "cfd_leverage", "exch_bonds") and not spec.margin_initial
        return exact(told) * price / exact(spec.margin_price) if moves and spec.margin_price else exact(told)
    _, rate = _to_account(spec, account)
    assert rate is not None
    if spec.margin_initial:
        margin = exact(spec.margin_initial) / (leverage if mode in ("forex", "cfd_leverage") else 1)
    elif mode == "cfd_index":
        margin = price * max(size, exact(spec.tick_value) / (exact(spec.tick_size) * rate))
    else:
        margin = {
            "forex": size / leverage,
            "forex_no_leverage": size,
            "cfd": size * price,
            "exch_stocks": size * price,
            "cfd_leverage": size * price / leverage,
            "exch_bonds": size * exact(spec.face_value or 0) * price / 100,
        }[mode]
    given = {"buy": spec.margin_rate_buy, "sell": spec.margin_rate_sell}[side]
    return margin * (exact(given) if given else 1) * rate


def _standard_lot(
    request: SizingRequest, account: Account, price: Fraction, stop: Fraction
) -> tuple[Fraction, Fraction]:
    metal = METALS.get(request.instrument)
    base, quote = (metal[0], "USD") if metal else (request.instrument[:3], request.instrument[3:])
    size = exact(metal[1]) if metal else Fraction(100_000)
    rates = [(pair[:3], pair[3:], exact(rate)) for pair, rate in request.conversion_rates.items()]
    rates = [each for each in rates if each[:2] not in ((base, quote), (quote, base))] + [(base, quote, price)]
    in_base = _same_money(base, account.currency)
    if in_base is not None and not metal:
        loss = abs(price - stop) * size / stop * in_base
    else:
        loss = abs(price - stop) * size * _rate(quote, account.currency, rates)
    if metal:
        return loss, size * price / account.leverage * _rate("USD", account.currency, rates)
    return loss, size / account.leverage * _rate(base, account.currency, rates)


def _rate(source: str, target: str, rates: list[tuple[str, str, Fraction]]) -> Fraction:
    """What 1 `source` costs in `target`."""
    known: dict[tuple[str, str], Fraction] = {}
    whole_first = sorted(rates, key=lambda each: (each[0] in HUNDREDTHS or each[1] in HUNDREDTHS, each[0] + each[1]))
    for first, second, rate in whole_first:
        (one, worth), (other, divisor) = _hundredth(first), _hundredth(second)
        known.setdefault((one, other), rate * divisor / worth)
    (start, worth), (end, divisor) = _hundredth(source), _hundredth(target)
    if start == end:
        return worth / divisor

    def step(one: str, other: str) -> Fraction | None:
        inverse = known.get((other, one))
        return known.get((one, other), 1 / inverse if inverse else None)

    direct = step(start, end)
    if direct is not None:
        return direct * worth / divisor
    middles = {currency for pair in known for currency in pair} - {start, end}
    chains = [one * two for one, two in ((step(start, middle), step(middle, end)) for middle in middles) if one and two]
    if not chains:
        raise No("missing_conversion_rate")
    return max(chains) * worth / divisor


def _size(lots: list[Lot], terms: Terms) -> None:
    for lot in lots:
        wanted = lot.budget / lot.loss
        lot.binding = "risk"
        if terms.maximum is not None and wanted > terms.maximum:
            wanted, lot.binding = terms.maximum, "volume_max"
        _settle(lot, wanted, terms)
    for lot in reversed(lots):
        too_much = sum(each.volume for each in lots) - terms.limit if terms.limit is not None else 0
        if too_much > 0 and lot.volume > 0:
            rest = lot.volume - too_much
            lot.binding = "volume_limit"
            if rest <= 0:
                lot.volume = Fraction(0)
            else:
                _settle(lot, rest, terms)
    if sum(lot.volume for lot in lots) == 0:
        raise No("below_minimum_volume")


def _settle(lot: Lot, wanted: Fraction, terms: Terms) -> None:
    lot.volume = math.floor(wanted / terms.step) * terms.step
    if lot.volume < terms.minimum:
        lot.volume, lot.binding = Fraction(0), "volume_min"


def _fit_the_margin(lots: list[Lot], terms: Terms, *, free: Fraction, limit: Fraction, shrink: bool) -> None:
    total = sum(lot.volume * lot.margin for lot in lots)
    code = "insufficient_margin" if total > free else "margin_buffer" if total > limit else None
    if code is None:
        return
    for lot in lots:
        if lot.volume > 0:
            lot.binding = "margin"
            _settle(lot, max(lot.volume * limit / total, Fraction(0)), terms)
    if not shrink or all(lot.volume == 0 for lot in lots):
        raise No(code)


def _down(amount: Fraction, unit: Fraction) -> Fraction:
    return math.floor(amount / unit) * unit


def _up(amount: Fraction, unit: Fraction) -> Fraction:
    return math.ceil(amount / unit) * unit
