"""What holds for every input, whatever it is."""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.schemas.instrument import CalcMode
from shared.schemas.sizing import SizingDecision, SizingRequest
from shared.sizing.account import Account, Candidate, PublishedSpec
from shared.sizing.configuration import Configuration, RiskBasis, Rules
from shared.sizing.decision import Decision, decide
from shared.sizing.situation import Situation
from shared.sizing.verdict import SetupFigures
from tests.unit.sizing.examples import CAPTURED_AT, NOW, account, dial, gold, request
from tests.unit.sizing.sampling import samples

Case = tuple[SizingRequest, Situation]

pytestmark = pytest.mark.thorough

thousands = settings(max_examples=1_000, deadline=None, database=None, derandomize=True)


def _sample(seed: int) -> Case:
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    return next(itertools.islice(samples(random), seed % 4, None))


ordinary = st.integers(min_value=0, max_value=2**63).map(_sample)
"""Every mode, odd steps, and a share of everything that is refused."""


def _decimal(units: int, places: int) -> Decimal:
    return Decimal(f"{units}E-{places}")


# Every strategy is made once: making them while drawing takes ten times as long as deciding.
any_decimal = st.builds(
    _decimal, st.one_of(st.integers(1, 1000), st.integers(1, 10**38 - 1), st.just(10**38 - 1)), st.integers(0, 37)
)
"""Any positive decimal that the wire carries: up to 38 digits, anywhere around the point."""
maybe = st.one_of(st.none(), any_decimal)


def _mostly(example: str) -> st.SearchStrategy[Decimal]:
    return st.one_of(st.just(Decimal(example)), st.just(Decimal(example)), any_decimal)


extreme_specs = st.fixed_dictionaries(
    {
        "calc_mode": st.sampled_from(get_args(CalcMode)),
        "contract_size": _mostly("100"),
        "tick_size": _mostly("0.01"),
        "tick_value": _mostly("0.79"),
        "volume_min": _mostly("0.01"),
        "volume_max": _mostly("50"),
        "volume_step": _mostly("0.01"),
        "volume_limit": maybe,
        "currency_base": st.sampled_from(("XAU", "GBP")),
        "profit_to_account": maybe,
        "margin_to_account": _mostly("0.79"),
        "margin_initial": maybe,
        "margin_rate_buy": maybe,
        "face_value": maybe,
        "margin_per_lot_buy": maybe,
        "margin_price": maybe,
        "commission_per_lot": _mostly("0"),
    }
)
extreme_accounts = st.builds(
    account,
    balance=_mostly("50000"),
    equity=st.one_of(_mostly("48500"), any_decimal.map(Decimal.copy_negate)),
    margin_free=st.one_of(_mostly("43500"), any_decimal.map(Decimal.copy_negate)),
    currency_digits=st.integers(0, 8),
    leverage=st.sampled_from((1, 100, 2**31 - 1)),
)
extreme_requests = st.fixed_dictionaries(
    {
        "prices": st.lists(st.tuples(_mostly("1945"), _mostly("1950")), min_size=1, max_size=3),
        "conversion_rates": st.dictionaries(st.sampled_from(("GBPUSD", "USDGBX", "EURGBP", "XAUGBP")), any_decimal),
        "instrument": st.sampled_from(("XAUUSD", "EURUSD", "GBPUSD")),
        "on_insufficient_margin": st.sampled_from(("reject", "shrink")),
    }
)


def _extreme(
    asked: dict[str, Any],
    held: Account,
    figures: dict[str, Any] | None,
    reserved: Decimal | None,
    basis: RiskBasis,
    configuration: Configuration,
) -> Case:
    entries = [{"entry_price": max(pair), "stop_loss": min(pair)} for pair in asked.pop("prices")]
    published = None
    if figures is not None:
        lowest, highest = sorted((figures["volume_min"], figures["volume_max"]))
        spec = gold(**figures | {"volume_min": lowest, "volume_max": highest})
        published = PublishedSpec(spec, held.currency, held.leverage, CAPTURED_AT)
    known = Candidate(held, figures is not None, published, reserved or Decimal(0))
    return request(entries=entries, **asked), Situation(NOW, None, configuration, Rules(basis), (known,))


ODD_DIAL = Configuration(
    version=2**31 - 1,
    risk_percent=Decimal("0.1000000000000000000000000000000000001"),
    entry_splits=(Decimal("1E-37"), Decimal("0." + "9" * 36 + "8"), Decimal("1E-37")),
    margin_buffer_percent=Decimal("99." + "9" * 36),
)


extremes = st.builds(
    _extreme,
    extreme_requests,
    extreme_accounts,
    st.one_of(st.none(), extreme_specs, extreme_specs),
    maybe,
    st.sampled_from(("balance", "equity", "lower")),
    st.sampled_from((dial(), dial("0.1"), dial("50", buffer_percent="0"), ODD_DIAL)),
)
"""Requests, accounts and specs at the ends of what the schemas admit."""

cases = st.one_of(ordinary, ordinary, extremes)


def approved(decision: Decision) -> SetupFigures | None:
    """The figures of an approval."""
    return None if decision.verdict.reasons else decision.verdict.setup


@thousands
@given(cases)
def test_every_request_is_answered_by_a_message_that_can_be_read(case: Case) -> None:
    answer = decide(*case).reply

    assert SizingDecision.model_validate_json(answer.to_json()) == answer
    assert (answer.status == "approved") is (answer.reasons == ())
    assert len(answer.positions) == (len(case[0].entries) if answer.status == "approved" else 0)


@thousands
@given(cases)
def test_the_losses_never_exceed_the_budget(case: Case) -> None:
    decision = decide(*case)
    setup, budget = approved(decision), decision.verdict.budget
    if setup is None or budget is None:
        return
    assert setup.loss == sum(entry.volume.lots * entry.loss_per_lot for entry in setup.entries)
    assert setup.loss <= budget.amount
    assert all(entry.loss <= entry.budget for entry in setup.entries)
    assert decision.reply.summary.risk_used_percent <= 100  # type: ignore[operator]


@thousands
@given(cases)
def test_volumes_are_multiples_of_the_step_within_the_limits(case: Case) -> None:
    decision = decide(*case)
    setup = approved(decision)
    if setup is None:
        return
    spec = decision.spec.spec if decision.spec else None
    step = Fraction(spec.volume_step if spec else "0.01")
    for position in decision.reply.positions:
        assert Fraction(position.volume) % step == 0
        if position.volume:
            assert position.volume >= (spec.volume_min if spec else Decimal("0.01"))
            assert spec is None or position.volume <= spec.volume_max
    assert setup.lots > 0
    assert spec is None or spec.volume_limit is None or setup.lots <= Fraction(spec.volume_limit)


@thousands
@given(cases)
def test_no_approval_breaks_the_margin_rule(case: Case) -> None:
    asked, given = case
    decision = decide(asked, given)
    setup, candidate = approved(decision), decision.verdict.candidate
    if setup is None or candidate is None:
        return
    free = Fraction(candidate.account.margin_free) - Fraction(candidate.margin_reserved)
    assert 0 < setup.margin <= free * (1 - Fraction(given.configuration.margin_buffer_percent) / 100)


@thousands
@given(cases)
def test_shrinking_never_gives_more_than_was_there(case: Case) -> None:
    asked, given = case
    whole = decide(asked.model_copy(update={"on_insufficient_margin": "reject"}), given)
    less = decide(asked.model_copy(update={"on_insufficient_margin": "shrink"}), given)
    setup = approved(less)
    if approved(whole) is not None:
        assert less.reply == whole.reply
    elif setup is not None:
        assert whole.reply.reasons[0].code in {"insufficient_margin", "margin_buffer"}
        assert all(entry.volume.lots < entry.limited.lots or entry.volume.lots == 0 for entry in setup.entries)


@thousands
@given(cases, st.decimals(min_value="0.1", max_value="50", places=2))
def test_before_the_margin_rule_more_risk_never_means_fewer_lots(case: Case, percent: Decimal) -> None:
    """Entry by entry: a cut to volume_limit takes from the last entry what the first one gained."""
    asked, given = case
    riskier = replace(given, configuration=replace(given.configuration, risk_percent=percent))
    less, more = decide(asked, given).verdict.setup, decide(asked, riskier).verdict.setup
    if less is None or more is None:
        return
    if percent < given.configuration.risk_percent:
        less, more = more, less
    for before, after in zip(less.entries, more.entries, strict=True):
        assert before.fitted.lots <= after.fitted.lots


@thousands
@given(cases)
def test_the_same_request_in_the_same_situation_gets_the_same_bytes(case: Case) -> None:
    asked, given = case
    backwards = dict(reversed(asked.conversion_rates.items()))
    again = SizingRequest.model_validate(asked.model_dump() | {"conversion_rates": backwards})

    assert decide(asked, given).reply.to_json() == decide(again, given).reply.to_json()


@thousands
@given(ordinary)
def test_money_in_replies_is_rounded_against_the_account(case: Case) -> None:
    decision = decide(*case)
    setup, held, budget = approved(decision), decision.account, decision.verdict.budget
    if setup is None or held is None or budget is None:
        return
    unit = Fraction(1, 10**held.currency_digits)
    for position, figures in zip(decision.reply.positions, setup.entries, strict=True):
        assert 0 <= Fraction(position.stop_loss_amount) - figures.loss < unit
        assert 0 <= Fraction(position.margin_required) - figures.margin < unit
        assert -position.stop_loss_amount.as_tuple().exponent == held.currency_digits  # type: ignore[operator]
    summary = decision.reply.summary
    assert 0 <= budget.amount - Fraction(summary.allocated_risk_amount or 0) < unit
    assert 0 <= Fraction(summary.total_stop_loss_amount or 0) - setup.loss < unit
    assert 0 <= Fraction(summary.total_margin_required or 0) - setup.margin < unit
