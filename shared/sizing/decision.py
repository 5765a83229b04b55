"""How many lots for these entries, on this account, right now? Pure: the same request and situation, the same bytes.

The rules are checked in the contract's order, and the first that fails answers alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from shared.schemas.reasons import Reason
from shared.schemas.sizing import SizingDecision, SizingRequest
from shared.schemas.values import DECIMAL_DIGITS_MAX, format_decimal, format_time
from shared.sizing.account import Account, Candidate, PublishedSpec, choose, unusable
from shared.sizing.budget import entry_budget, setup_budget
from shared.sizing.instruments import LotTerms
from shared.sizing.margin import FreeMargin, MarginCode, free_margin
from shared.sizing.prices import SizedPrices, wrong_prices
from shared.sizing.quote import Quote, quote
from shared.sizing.rational import Rational
from shared.sizing.reply import Answer, FigureTooLongError, decision_answer
from shared.sizing.rounding import round_down, round_up
from shared.sizing.situation import Situation
from shared.sizing.verdict import EntryFigures, SetupFigures, Verdict
from shared.sizing.volumes import VolumeBounds, cut, fitted, shrunk

ENGINE_VERSION = 1
"""Goes up whenever the same request and situation would get another reply; every stored decision names it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The reply as it is sent, and the exact figures behind it."""

    answer: Answer
    verdict: Verdict

    @property
    def reply(self) -> SizingDecision:
        """The reply as a message, read from its bytes."""
        return SizingDecision.model_validate_json(self.answer.body)

    @property
    def account(self) -> Account | None:
        """The account that was chosen, also where it was then refused."""
        return self.verdict.candidate.account if self.verdict.candidate else None

    @property
    def spec(self) -> PublishedSpec | None:
        """The published spec that was used or found wanting; None where the catalogue served or none was reached."""
        return self.verdict.published


def decide(request: SizingRequest, situation: Situation) -> Decision:
    """Decide a request that could be read. Never raises for what the schemas admit."""
    verdict = _judge(request, situation)
    try:
        return Decision(decision_answer(request, situation, verdict), verdict)
    except FigureTooLongError:
        verdict = replace(verdict.without_figures(), reasons=verdict.reasons or (_too_long(),))
        return Decision(decision_answer(request, situation, verdict), verdict)


def _judge(request: SizingRequest, situation: Situation) -> Verdict:
    now, rules = situation.decided_at, situation.rules
    if situation.expires_at is not None and now > situation.expires_at:
        message = f"The request expired at {format_time(situation.expires_at)}; send a new one under a new request_id."
        return Verdict(reasons=(Reason(code="request_expired", message=message),))
    if wrong := wrong_prices(request.entries, request.side):
        return Verdict(reasons=wrong)
    candidate = choose(situation.candidates, request.user_id, key=request.account, now=now, rules=rules)
    if isinstance(candidate, Reason):
        return Verdict(reasons=(candidate,))
    reason = unusable(candidate.account, now, rules, named=request.account is not None)
    if reason is not None:
        return Verdict(reasons=(reason,), candidate=candidate)
    return _judge_setup(request, situation, candidate)


def _judge_setup(request: SizingRequest, situation: Situation, candidate: Candidate) -> Verdict:
    account, configuration = candidate.account, situation.configuration
    budget = setup_budget(account, configuration, situation.rules.risk_basis)
    verdict = Verdict(candidate=candidate, published=candidate.spec, budget=budget)
    quoted = quote(request, situation, candidate)
    if not isinstance(quoted, Quote):
        return verdict.refused(*quoted)
    entries = tuple(
        _entry_figures(prices, terms, entry_budget(budget, split, account.currency_digits), quoted.bounds)
        for (prices, terms), split in zip(quoted.entries, configuration.entry_splits, strict=False)
    )
    setup = SetupFigures(entries, quoted.bounds)
    if quoted.bounds.limit is not None:
        setup = setup.limited(cut(tuple(entry.fitted for entry in entries), quoted.bounds.limit, quoted.bounds))
    verdict = replace(verdict, setup=setup)
    if not any(entry.volume.lots for entry in setup.entries):
        return verdict.refused(_below_minimum(setup, account))
    return _judge_margin(request, situation, verdict, setup, candidate)


def _entry_figures(prices: SizedPrices, terms: LotTerms, budget: Rational, bounds: VolumeBounds) -> EntryFigures:
    loss_per_lot, margin_per_lot = terms.loss(prices), terms.margin.at(prices.entry)
    unrounded = budget / loss_per_lot
    volume = fitted(unrounded, bounds)
    return EntryFigures(
        prices=prices,
        terms=terms,
        budget=budget,
        loss_per_lot=loss_per_lot,
        margin_per_lot=margin_per_lot,
        unrounded=unrounded,
        fitted=volume,
        limited=volume,
        volume=volume,
        loss=volume.lots * loss_per_lot,
        margin=volume.lots * margin_per_lot,
    )


def _judge_margin(
    request: SizingRequest, situation: Situation, verdict: Verdict, setup: SetupFigures, candidate: Candidate
) -> Verdict:
    """Rule 8, on the volumes of rule 5."""
    account, buffer_percent = candidate.account, situation.configuration.margin_buffer_percent
    margin = free_margin(account.margin_free, candidate.margin_reserved, buffer_percent, required=setup.margin)
    verdict = replace(verdict, margin=margin)
    if margin.code is None:
        return verdict
    shrink = request.on_insufficient_margin == "shrink"
    if shrink:
        limited = tuple(entry.limited for entry in setup.entries)
        smaller = setup.shrunk(shrunk(limited, margin.limit / margin.required, setup.bounds))
        if smaller.lots:
            return replace(verdict, setup=smaller)
    return verdict.refused(_too_little_margin(margin, margin.code, account, shrink=shrink))


def _below_minimum(setup: SetupFigures, account: Account) -> Reason:
    bounds = setup.bounds
    minimum = f"the smallest volume is {_lots(bounds.minimum)} lots"
    if bounds.limit is not None and any(entry.fitted.lots for entry in setup.entries):
        message = f"The broker takes at most {_lots(bounds.limit)} lots in all, and {minimum}."
        return Reason(code="below_minimum_volume", message=message)
    best = max(setup.entries, key=lambda entry: entry.unrounded)
    budget = _money(round_down(best.budget, account.currency_digits), account)
    loss = _money(round_up(best.loss_per_lot, account.currency_digits), account)
    return Reason(
        code="below_minimum_volume",
        message=f"No entry's budget buys enough: the best may lose {budget} at {loss} per lot, which is "
        f"{_lots(best.unrounded)} lots, and {minimum} in steps of {_lots(bounds.step)}.",
    )


def _too_little_margin(margin: FreeMargin, code: MarginCode, account: Account, *, shrink: bool) -> Reason:
    digits = account.currency_digits
    message = f"The setup needs {_money(round_up(margin.required, digits), account)} of margin; "
    message += f"{_money(round_down(margin.free, digits), account)} is free"
    if margin.reserved:
        message += f" after {_money(round_up(margin.reserved, digits), account)} that other setups hold"
    if code == "margin_buffer":
        message += f", of which the buffer leaves {_money(round_down(margin.limit, digits), account)}"
    if shrink:
        message += "; shrunk to that, no entry reaches the smallest volume"
    return Reason(code=code, message=f"{message}.")


def _too_long() -> Reason:
    return Reason(
        code="instrument_inconsistent",
        message=f"The figures of this setup have more than {DECIMAL_DIGITS_MAX} digits, which no message carries: "
        "check the published spec and the account's balance.",
    )


def _money(amount: Decimal, account: Account) -> str:
    return f"{format_decimal(amount)} {account.currency}"


def _lots(lots: Rational) -> str:
    """Lots for a message: short, not exact."""
    return f"{float(lots):.6g}"
