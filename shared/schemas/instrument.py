"""One symbol's contract specification at one broker, as MetaTrader 5 reports it to the account's terminal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from shared.schemas.reasons import FieldError, field_errors, printable
from shared.schemas.values import Currency, Identifier, Message, NonNegativeDecimal, OptionalDecimal, PositiveDecimal

CalcMode = Literal[
    "forex",
    "futures",
    "cfd",
    "cfd_index",
    "cfd_leverage",
    "forex_no_leverage",
    "exch_stocks",
    "exch_futures",
    "exch_bonds",
]
"""SYMBOL_TRADE_CALC_MODE, those that we can compute: 0, 1, 2, 3, 4, 5, 32, 33, 37."""


class InstrumentSpec(Message):
    """A contract specification. Money is in account currency per 1.0 lot; null, left out and 0 mean *not given*.

    `tick_value` is SYMBOL_TRADE_TICK_VALUE_LOSS. `margin_per_lot_*` is what OrderCalcMargin answered for 1 lot at
    `margin_price`. `margin_to_account` and `profit_to_account` convert those currencies into the account's.
    `commission_per_lot` is the round turn.
    """

    instrument: Identifier
    symbol: Identifier
    calc_mode: CalcMode
    digits: Annotated[int, Field(ge=0, le=16)]
    contract_size: PositiveDecimal
    tick_size: PositiveDecimal
    tick_value: PositiveDecimal
    volume_min: PositiveDecimal
    volume_max: PositiveDecimal
    volume_step: PositiveDecimal
    volume_limit: OptionalDecimal = None
    currency_base: Currency
    currency_profit: Currency
    currency_margin: Currency
    margin_to_account: OptionalDecimal = None
    profit_to_account: OptionalDecimal = None
    margin_initial: OptionalDecimal = None
    margin_rate_buy: OptionalDecimal = None
    margin_rate_sell: OptionalDecimal = None
    face_value: OptionalDecimal = None
    margin_per_lot_buy: OptionalDecimal = None
    margin_per_lot_sell: OptionalDecimal = None
    margin_price: OptionalDecimal = None
    commission_per_lot: NonNegativeDecimal = Decimal(0)

    @model_validator(mode="after")
    def _volumes_are_a_range(self) -> Self:
        if self.volume_min > self.volume_max:
            raise ValueError("volume_min is above volume_max")
        return self


@dataclass(frozen=True, slots=True)
class RefusedSpec:
    """A spec of a message that was refused alone: its name as far as it could be read, and what is wrong with it."""

    index: int
    instrument: str | None
    errors: tuple[FieldError, ...]


def read_specs(documents: tuple[Any, ...]) -> tuple[tuple[InstrumentSpec, ...], tuple[RefusedSpec, ...]]:
    """Read each spec of an `account.instruments.v1` alone; one that is wrong, or named twice, is refused alone."""
    names = Counter(_name(document) for document in documents)
    specs: list[InstrumentSpec] = []
    refused: list[RefusedSpec] = []
    for index, document in enumerate(documents):
        name = _name(document)
        if name is not None and names[name] > 1:
            twice = FieldError(f"instruments.{index}.instrument", "is named twice in this message")
            refused.append(RefusedSpec(index, printable(name), (twice,)))
            continue
        try:
            specs.append(InstrumentSpec.model_validate(document))
        except ValidationError as error:
            errors = field_errors(error, prefix=f"instruments.{index}")
            refused.append(RefusedSpec(index, printable(name) if name else None, errors))
    return tuple(specs), tuple(refused)


def _name(document: object) -> str | None:
    name = document.get("instrument") if isinstance(document, dict) else None
    return name if isinstance(name, str) else None
