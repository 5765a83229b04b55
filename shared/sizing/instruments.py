"""What one lot of the instrument loses and binds on the account: by its published spec, or by the catalogue.

Rules 3 and 4. Sources: SYMBOL_TRADE_TICK_VALUE_LOSS of MetaTrader 5's documentation, which is what a losing position of
one lot loses per tick, in account currency, at the current rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.schemas.instrument import CalcMode, InstrumentSpec
from shared.schemas.reasons import Reason
from shared.schemas.sizing import Side
from shared.schemas.values import format_decimal
from shared.sizing.account import Account, PublishedSpec
from shared.sizing.catalogue import StandardContract
from shared.sizing.conversion import Conversion, Rates, convert, unit_ratio
from shared.sizing.margin import LotMargin, margin_rate, published_margin, tick_worth
from shared.sizing.prices import SizedPrices
from shared.sizing.rational import ONE, ZERO, Rational, exact, ratio

TICK_VALUE_TOLERANCE = ratio(1, 100)

FOREX = frozenset[CalcMode]({"forex", "forex_no_leverage"})
UNCHECKED = frozenset[CalcMode]({"futures", "exch_futures"})
"""Modes whose tick value is the exchange's own figure, not contract size × tick size."""


@dataclass(frozen=True, slots=True)
class LotTerms:
    """One lot in account currency. `loss_rate` is lost per 1.0 of price; or, `at_stop`, per 1.0 of price / stop.

    The conversions are those that went into `loss_rate` and `margin` where the catalogue served.
    """

    loss_rate: Rational
    at_stop: bool
    commission: Rational
    margin: LotMargin
    loss_conversion: Conversion | None = None
    margin_conversion: Conversion | None = None

    def loss(self, prices: SizedPrices) -> Rational:
        """Rule 3: what one lot loses when it is stopped, round-turn commission included; above 0."""
        loss = prices.distance * self.loss_rate
        return (loss / prices.stop if self.at_stop else loss) + self.commission


def stale_spec(published: PublishedSpec, account: Account, *, now: datetime, freshness_s: int) -> Reason | None:
    """Why a spec no longer serves: the account has changed since, or it is `freshness_s` old."""
    name = published.spec.instrument
    if (published.currency, published.leverage) != (account.currency, account.leverage):
        message = (
            f"The spec of {name} was published for {published.currency} at 1:{published.leverage}; the account is now "
            f"in {account.currency} at 1:{account.leverage}."
        )
        return Reason(code="instrument_stale", message=message)
    age = now - published.captured_at
    if age < timedelta(seconds=freshness_s):
        return None
    message = f"The spec of {name} was published {age.total_seconds():.1f} s ago; it serves for {freshness_s} s."
    return Reason(code="instrument_stale", message=message)


def published_terms(spec: InstrumentSpec, account: Account, side: Side) -> LotTerms | Reason:
    """One lot by the spec that the account's broker published, or what is wrong with the spec."""
    currency = account.currency
    inconsistent = _wrong_tick_value(spec, currency)
    if inconsistent is not None:
        return inconsistent
    margin = published_margin(spec, side=side, currency=currency, leverage=account.leverage)
    if isinstance(margin, Reason):
        return margin
    commission = exact(spec.commission_per_lot)
    at_stop = _stop_ratio(spec.calc_mode, spec.currency_base, spec.currency_profit, currency)
    if at_stop is not None:
        return LotTerms(exact(spec.contract_size) * at_stop, at_stop=True, commission=commission, margin=margin)
    return LotTerms(tick_worth(spec), at_stop=False, commission=commission, margin=margin)


def standard_terms(
    contract: StandardContract, account: Account, prices: SizedPrices, rates: Rates
) -> LotTerms | Reason:
    """One lot by the catalogue, its currencies converted by `rates` and by the entry's own price."""
    known = {pair: rate for pair, rate in rates.items() if pair != (contract.profit, contract.base)}
    known[contract.base, contract.profit] = prices.entry
    size = exact(contract.contract_size)
    at_stop = _stop_ratio(contract.calc_mode, contract.base, contract.profit, account.currency)
    profit = Conversion(at_stop) if at_stop is not None else convert(contract.profit, account.currency, known)
    if profit is None:
        return _missing_rate(contract.profit, account.currency)
    margin = convert(contract.margin, account.currency, known)
    if margin is None:
        return _missing_rate(contract.margin, account.currency)
    per_lot = LotMargin(size / account.leverage * margin.factor, times_price=contract.calc_mode == "cfd_leverage")
    return LotTerms(size * profit.factor, at_stop is not None, ZERO, per_lot, profit, margin)


def _stop_ratio(mode: CalcMode, base: str, profit: str, currency: str) -> Rational | None:
    """Where the account is kept in the base currency, the loss converts at the stop: base currency in the account's.

    A symbol whose base and profit currencies are the same money has nothing to convert.
    """
    if mode not in FOREX or unit_ratio(base, profit) is not None:
        return None
    return unit_ratio(base, currency)


def _wrong_tick_value(spec: InstrumentSpec, currency: str) -> Reason | None:
    """Rule 4: brokers misreport the tick value tenfold; it must be what the contract makes of one tick."""
    if spec.calc_mode in UNCHECKED:
        return None
    to_account = _profit_rate(spec, currency)
    if to_account is None:
        return None
    expected = exact(spec.contract_size) * exact(spec.tick_size) * to_account
    if spec.calc_mode == "exch_bonds":
        if spec.face_value is None:
            message = "The published spec lacks face_value, without which a bond's tick value cannot be checked."
            return Reason(code="instrument_inconsistent", message=message, field="face_value")
        expected *= exact(spec.face_value) / 100
    if abs(exact(spec.tick_value) - expected) <= expected * TICK_VALUE_TOLERANCE:
        return None
    message = (
        f"The published tick_value is {format_decimal(spec.tick_value)} {currency}; contract_size, tick_size and the "
        f"conversion make it {float(expected):.6g}, and they must agree within 1 %."
    )
    return Reason(code="instrument_inconsistent", message=message, field="tick_value")


def _profit_rate(spec: InstrumentSpec, currency: str) -> Rational | None:
    """What one unit of the profit currency is in the account's, as far as the spec tells."""
    if spec.currency_profit == currency:
        return ONE
    if spec.profit_to_account is not None:
        return exact(spec.profit_to_account)
    if spec.currency_profit == spec.currency_margin:
        return margin_rate(spec, currency)
    return unit_ratio(spec.currency_profit, currency)


def _missing_rate(source: str, target: str) -> Reason:
    return Reason(
        code="missing_conversion_rate",
        message=f"No rate from {source} to {target}: send {source}{target} or {target}{source} in conversion_rates, or "
        "let the account publish its instruments.",
        field="conversion_rates",
    )
