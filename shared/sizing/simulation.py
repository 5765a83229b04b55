"""The same requests under another percent, beside what happened."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal

from pydantic import ValidationError

from shared.schemas.sizing import SizingDecision
from shared.sizing.decision import decide
from shared.sizing.rational import ZERO, Rational, exact
from shared.sizing.record import Inputs, decode_inputs, unpack_record

NOTHING = ZERO
SHARE_PLACES = 6


@dataclass(slots=True)
class Tally:
    """What many decisions come to. Money by account currency, of approvals alone, exact sums of what replies say.

    `margin_use` is the sum, over approvals, of the share of the available margin that each took: 0.25 = a quarter.
    """

    decisions: int = 0
    approved: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    lots: Rational = NOTHING
    at_risk: dict[str, Rational] = field(default_factory=dict)
    margin: dict[str, Rational] = field(default_factory=dict)
    margin_use: Rational = NOTHING
    risk_percents: set[Decimal] = field(default_factory=set)

    def count(self, reply: SizingDecision) -> None:
        """Take in one decision."""
        self.decisions += 1
        if reply.summary.global_risk_percent is not None:
            self.risk_percents.add(reply.summary.global_risk_percent)
        if reply.status != "approved" or reply.account is None:
            self.refused.update(reason.code for reason in reply.reasons[:1])
            return
        self.approved += 1
        currency, summary = reply.account.currency, reply.summary
        self.lots += _exact(summary.total_volume)
        margin = _exact(summary.total_margin_required)
        _add(self.at_risk, currency, _exact(summary.total_stop_loss_amount))
        _add(self.margin, currency, margin)
        available = _exact(summary.margin_available)
        # Rounded, so that a million shares do not sum up to a fraction with a million digits.
        self.margin_use += round(margin / available, SHARE_PLACES) if available else NOTHING

    def merge(self, other: Tally) -> None:
        """Take in another tally."""
        self.decisions += other.decisions
        self.approved += other.approved
        self.refused.update(other.refused)
        self.lots += other.lots
        for mine, others in ((self.at_risk, other.at_risk), (self.margin, other.margin)):
            for currency, amount in others.items():
                _add(mine, currency, amount)
        self.margin_use += other.margin_use
        self.risk_percents |= other.risk_percents


@dataclass(slots=True)
class Simulated:
    """What happened, what would have under another percent, and how many records could not be read."""

    happened: Tally = field(default_factory=Tally)
    simulated: Tally = field(default_factory=Tally)
    unreadable: int = 0

    def count(self, record: bytes, reply: bytes, *, risk_percent: Decimal) -> None:
        """Take in one decision as it is stored. Raises ValueError for a percent that the contract does not allow."""
        try:
            told = SizingDecision.model_validate_json(reply)
            inputs = decode_inputs(unpack_record(record))
        except (ValidationError, zlib.error):
            self.unreadable += 1
            return
        self.happened.count(told)
        self.simulated.count(simulated(inputs, risk_percent))

    def merge(self, other: Simulated) -> None:
        """Take in another simulation under the same percent."""
        self.happened.merge(other.happened)
        self.simulated.merge(other.simulated)
        self.unreadable += other.unreadable


def simulated(inputs: Inputs, risk_percent: Decimal) -> SizingDecision:
    """The reply to a decision's request under another percent; all else, reservations too, as it was seen then.

    Raises ValueError for a percent that the contract does not allow.
    """
    situation = inputs.situation
    dial = replace(situation.configuration, risk_percent=risk_percent)
    return decide(inputs.request, replace(situation, configuration=dial)).reply


def _exact(number: Decimal | None) -> Rational:
    return NOTHING if number is None else exact(number)


def _add(amounts: dict[str, Rational], currency: str, amount: Rational) -> None:
    amounts[currency] = amounts.get(currency, NOTHING) + amount
