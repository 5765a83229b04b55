"""Rules 1 and 2: what a setup may lose, and what each of its entries may."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from shared.sizing.account import Account, risk_basis
from shared.sizing.configuration import Configuration, RiskBasis
from shared.sizing.rational import Rational, exact, ratio
from shared.sizing.rounding import multiple_below


@dataclass(frozen=True, slots=True)
class Budget:
    """In account currency, exact. `basis` is what the risk percent was taken of, `amount` what the setup may lose."""

    basis: Rational
    amount: Rational


def setup_budget(account: Account, configuration: Configuration, basis: RiskBasis) -> Budget:
    """Rule 1, however many entries the setup has. The account's basis must be above 0."""
    amount = risk_basis(account, basis)
    return Budget(basis=amount, amount=amount * exact(configuration.risk_percent) / 100)


def entry_budget(budget: Budget, split: Decimal, currency_digits: int) -> Rational:
    """Rule 2: the entry's share, rounded down to the currency's digits."""
    return multiple_below(budget.amount * exact(split), ratio(1, 10**currency_digits))
