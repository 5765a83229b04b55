"""The instrument of a decision explained: the published spec with its units, or the standard contract."""

from __future__ import annotations

from decimal import Decimal

from shared.schemas.instrument import InstrumentSpec
from shared.sizing.account import Candidate, PublishedSpec
from shared.sizing.catalogue import CATALOGUE, StandardContract
from shared.sizing.explained import Line, Section, moment


def instrument_section(name: str, candidate: Candidate) -> Section:
    """What was known of the instrument `name` on the account that was chosen."""
    if candidate.spec is not None:
        title = f"Instrument {name}, published as {candidate.spec.spec.symbol}"
        return Section.of("instrument", title, _published(candidate.spec, candidate.account.currency))
    contract = None if candidate.has_specs else CATALOGUE.get(name)
    if contract is None:
        return Section("instrument", f"Instrument {name}: not known on this account", ())
    return Section("instrument", f"Instrument {name}, by the catalogue of standard contracts", _standard(contract))


def _published(published: PublishedSpec, currency: str) -> list[Line | None]:
    spec, units = published.spec, _units(published.spec, currency)
    figures = spec.model_dump(exclude={"instrument", "symbol"}, exclude_none=True)
    return [
        moment("captured_at", published.captured_at),
        *(
            Line(field, value if isinstance(value, Decimal) else str(value), units.get(field, ""))
            for field, value in figures.items()
        ),
    ]


def _units(spec: InstrumentSpec, currency: str) -> dict[str, str]:
    """The units of a spec's figures on an account in `currency`. Prices, their ticks and rates of margin have none."""
    return {
        "contract_size": "units per lot",
        "tick_value": f"{currency} per tick and lot",
        **dict.fromkeys(("volume_min", "volume_max", "volume_step", "volume_limit"), "lots"),
        "margin_to_account": f"{currency} per {spec.currency_margin}",
        "profit_to_account": f"{currency} per {spec.currency_profit}",
        "margin_initial": f"{spec.currency_margin} per lot",
        **dict.fromkeys(("margin_per_lot_buy", "margin_per_lot_sell", "commission_per_lot"), f"{currency} per lot"),
    }


def _standard(contract: StandardContract) -> tuple[Line, ...]:
    return (
        Line("calc_mode", contract.calc_mode),
        Line("contract_size", contract.contract_size, f"{contract.base} per lot"),
        Line("currency_profit", contract.profit),
        Line("currency_margin", contract.margin),
    )
