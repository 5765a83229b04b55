"""What the owner set and the operator allows: the numbers that every decision obeys."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from shared.sizing.rational import exact

RiskBasis = Literal["balance", "equity", "lower"]

RISK_PERCENT_MIN = Decimal("0.1")
RISK_PERCENT_MAX = Decimal(50)
MARGIN_BUFFER_PERCENT_END = Decimal(100)
"""The buffer is below this: all of the free margin held back would refuse every setup."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """One version of the dial. Percents: 3 = 3 %; `entry_splits` are fractions: 0.50 = 50 % of the budget.

    Raises ValueError for a dial that the contract does not allow: splits that sum to more than 1 would break the
    budget whatever the rules do.
    """

    version: int
    risk_percent: Decimal
    entry_splits: tuple[Decimal, Decimal, Decimal]
    margin_buffer_percent: Decimal

    def __post_init__(self) -> None:
        if not RISK_PERCENT_MIN <= self.risk_percent <= RISK_PERCENT_MAX:
            raise ValueError(f"risk_percent must be between {RISK_PERCENT_MIN} and {RISK_PERCENT_MAX}")
        if min(self.entry_splits) <= 0 or sum(map(exact, self.entry_splits)) != 1:
            raise ValueError("entry_splits must each be above 0 and sum to 1")
        if not 0 <= self.margin_buffer_percent < MARGIN_BUFFER_PERCENT_END:
            raise ValueError(f"margin_buffer_percent must be at least 0 and below {MARGIN_BUFFER_PERCENT_END}")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator set for the whole deployment. Ages are in seconds, by the database's clock.

    `risk_basis` is the amount that the risk percent is taken of. `reservation_s` is how long an approval holds its
    margin and may be acted upon; None: approvals hold nothing.
    """

    risk_basis: RiskBasis = "balance"
    freshness_s: int = 300
    instrument_freshness_s: int = 86400
    reservation_s: int | None = 120
