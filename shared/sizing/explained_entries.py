"""The entries of a setup explained: prices, loss per lot, volume in its steps, margin."""

from __future__ import annotations

from collections.abc import Iterator

from shared.schemas.sizing import Entry, Position
from shared.schemas.values import format_decimal
from shared.sizing.account import Candidate
from shared.sizing.catalogue import CATALOGUE, StandardContract
from shared.sizing.conversion import Conversion
from shared.sizing.explained import Line, Section
from shared.sizing.formulas import (
    Formula,
    conversion_formula,
    published_loss,
    published_margin_formula,
    shown,
    standard_loss,
    standard_margin,
)
from shared.sizing.rational import Rational, exact
from shared.sizing.record import Record
from shared.sizing.verdict import EntryFigures, SetupFigures
from shared.sizing.volumes import VolumeBounds


def entry_sections(
    record: Record, candidate: Candidate, setup: SetupFigures, positions: tuple[Position, ...], factor: Rational | None
) -> Iterator[Section]:
    """One section for each entry. `factor`: what a shrunk setup's volumes were multiplied by."""
    asked = zip(record.request.entries, setup.entries, record.situation.configuration.entry_splits, strict=False)
    for number, (entry, figures, split) in enumerate(asked, start=1):
        position = positions[number - 1] if positions else None
        title = f"Entry {number}: {record.request.side} at {format_decimal(entry.entry_price)}, stop "
        title += format_decimal(entry.stop_loss)
        lines = (
            *_prices(entry, figures),
            _budget(record, candidate, figures, exact(split), position),
            *_per_lot(record, candidate, figures, position),
            *_volumes(figures, setup.bounds, factor),
            *_amounts(figures, candidate.account.currency, position),
        )
        yield Section.of(f"entry_{number}", title, lines)


def _prices(entry: Entry, figures: EntryFigures) -> Iterator[Line]:
    sent = (("entry", entry.entry_price, figures.prices.entry), ("stop", entry.stop_loss, figures.prices.stop))
    for name, price, sized in sent:
        moved = exact(price) != sized
        note = f"sent as {format_decimal(price)}, off the tick grid: sized where the distance is wider" if moved else ""
        yield Line(f"{name}_as_sized", sized, note=note)
    difference = f"|{shown(figures.prices.entry)} − {shown(figures.prices.stop)}|"
    yield Line("distance", figures.prices.distance, formula=Formula("|entry − stop|", difference))


def _budget(
    record: Record, candidate: Candidate, figures: EntryFigures, split: Rational, position: Position | None
) -> Line:
    account = candidate.account
    amount = record.budget.amount if record.budget else figures.budget
    formula = Formula.of("budget", amount).times("split", split)
    note = f"rounded down to {account.currency_digits} places" if amount * split != figures.budget else ""
    told = position.risk_budget if position else None
    return Line("entry_budget", figures.budget, account.currency, formula, told, note)


def _per_lot(
    record: Record, candidate: Candidate, figures: EntryFigures, position: Position | None
) -> Iterator[Line | None]:
    account, request = candidate.account, record.request
    unit = f"{account.currency} per lot"
    told = position.loss_per_lot if position else None
    if candidate.spec is not None:
        spec = candidate.spec.spec
        yield Line("loss_per_lot", figures.loss_per_lot, unit, published_loss(spec, figures), told)
        margin = published_margin_formula(spec, request, account, figures)
    else:
        contract = CATALOGUE[request.instrument]
        yield _conversion("profit_conversion", record, candidate, contract, figures, figures.terms.loss_conversion)
        yield Line("loss_per_lot", figures.loss_per_lot, unit, standard_loss(contract, figures, account), told)
        yield _conversion("margin_conversion", record, candidate, contract, figures, figures.terms.margin_conversion)
        margin = standard_margin(contract, figures, account)
    yield Line("margin_per_lot", figures.margin_per_lot, unit, margin)


def _conversion(
    name: str,
    record: Record,
    candidate: Candidate,
    contract: StandardContract,
    figures: EntryFigures,
    conversion: Conversion | None,
) -> Line | None:
    if conversion is None or not conversion.path:
        return None
    source = contract.profit if name == "profit_conversion" else contract.margin
    formula = conversion_formula(conversion, contract, record.request, figures)
    return Line(name, conversion.factor, f"{candidate.account.currency} per {source}", formula)


def _volumes(figures: EntryFigures, bounds: VolumeBounds, factor: Rational | None) -> Iterator[Line]:
    formula = Formula.of("entry budget", figures.budget).over("loss per lot", figures.loss_per_lot)
    yield Line("volume_before_rounding", figures.unrounded, "lots", formula)
    yield Line("volume_by_risk", figures.fitted.lots, "lots", note=_fitting(figures, bounds))
    if figures.limited != figures.fitted:
        note = f"the setup's sum is cut to volume_limit {shown(bounds.limit or 0)} from the last entry"
        yield Line("volume_within_limit", figures.limited.lots, "lots", note=note)
    if factor is not None and figures.limited.lots:
        shrinking = Formula.of("volume", figures.limited.lots).times("shrink factor", factor)
        yield Line("volume_shrunk", figures.volume.lots, "lots", shrinking, note=_steps(figures.volume.lots, bounds))
    yield Line("volume", figures.volume.lots, "lots", note="" if figures.volume.lots else "left out")
    yield Line("binding_limit", figures.volume.binding_limit)


def _fitting(figures: EntryFigures, bounds: VolumeBounds) -> str:
    above = bounds.maximum is not None and figures.unrounded > bounds.maximum
    rounding = _steps(figures.fitted.lots, bounds)
    return f"at most volume_max {shown(bounds.maximum or 0)}, {rounding}" if above else rounding


def _steps(lots: Rational, bounds: VolumeBounds) -> str:
    rounded = f"rounded down to steps of {shown(bounds.step)}"
    return rounded if lots else f"{rounded}; below the smallest volume {shown(bounds.minimum)}, so left out"


def _amounts(figures: EntryFigures, currency: str, position: Position | None) -> Iterator[Line]:
    lots = figures.volume.lots
    loss = Formula.of("volume", lots).times("loss per lot", figures.loss_per_lot)
    yield Line("stop_loss_amount", figures.loss, currency, loss, position.stop_loss_amount if position else None)
    margin = Formula.of("volume", lots).times("margin per lot", figures.margin_per_lot)
    yield Line("margin_required", figures.margin, currency, margin, position.margin_required if position else None)
