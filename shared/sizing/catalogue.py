"""Standard contracts, for accounts whose broker has published none: what is the same at every broker, as data.

Sources: spot currencies trade in lots of 100,000 of the base currency (MetaTrader 5 help, "Contract specification":
Forex, contract size 100000; symbols S01 to S07, S28 and S29 of the test fixtures); gold in lots of 100 troy ounces
(LBMA and COMEX; S10, S11, S31), silver in lots of 5,000 (COMEX; S22, S32). The smallest volume and its step are 0.01
lots (the same symbols). Indices, shares, energies and crypto have no standard contract and are never guessed.

There is no tick size here: digits differ between brokers, so prices are taken as they were sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from typing import Literal

VOLUME_STEP = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class StandardContract:
    """One lot is `contract_size` of `base`, priced in `profit`.

    Metals are margined as cfd_leverage: contract × price / leverage in the profit currency, which is what the forex
    formula (contract / leverage in ounces) gives when the ounces are converted at the entry price.
    """

    base: str
    profit: str
    calc_mode: Literal["forex", "cfd_leverage"]
    contract_size: int

    @property
    def margin(self) -> str:
        """The currency that the margin formula counts in."""
        return self.base if self.calc_mode == "forex" else self.profit


CURRENCIES = ("EUR", "GBP", "AUD", "NZD", "USD", "CAD", "CHF", "JPY")
"""In the market's order: of two, the first is the base. All their pairs are the seven majors and the 21 crosses."""

_PAIRS = {
    base + profit: StandardContract(base, profit, calc_mode="forex", contract_size=100_000)
    for base, profit in combinations(CURRENCIES, 2)
}
_GOLD = StandardContract("XAU", "USD", calc_mode="cfd_leverage", contract_size=100)
_SILVER = StandardContract("XAG", "USD", calc_mode="cfd_leverage", contract_size=5_000)

CATALOGUE = {**_PAIRS, "XAUUSD": _GOLD, "GOLD": _GOLD, "XAGUSD": _SILVER}
"""By the business's name of the instrument, which matches exactly."""
