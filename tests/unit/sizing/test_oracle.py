"""The engine against the oracle: two authors of the same contract have to agree on everything."""

from __future__ import annotations

import itertools
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from shared.schemas.sizing import SizingDecision
from shared.sizing.decision import decide
from tests.unit.sizing import oracle
from tests.unit.sizing.sampling import samples

SAMPLES = 100_000
PARTS = 10
TOLD = ("total", "allocated", "risk", "margin")


@pytest.mark.parametrize("seed", range(PARTS))
def test_engine_and_oracle_agree_on_random_requests(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    seen: Counter[str | None] = Counter()
    for number, (asked, given) in enumerate(itertools.islice(samples(random), SAMPLES // PARTS)):
        expected = oracle.answer(asked, given)
        answer = decide(asked, given).reply
        seen[expected["code"]] += 1
        assert _figures(answer, expected) == expected, (number, asked, given)
    assert set(seen) == EVERY_CODE
    assert seen[None] > SAMPLES // PARTS / 4


EVERY_CODE = {
    None,
    "request_expired",
    "invalid_stop",
    "account_not_found",
    "ambiguous_account",
    "account_inactive",
    "account_stale",
    "non_positive_balance",
    "invalid_leverage",
    "unknown_instrument",
    "instrument_stale",
    "instrument_inconsistent",
    "stops_differ",
    "missing_conversion_rate",
    "below_minimum_volume",
    "insufficient_margin",
    "margin_buffer",
}


def _figures(answer: SizingDecision, expected: dict[str, Any]) -> dict[str, Any]:
    """What the reply says of everything that the oracle has an opinion on."""
    if answer.reasons or expected["code"] is not None:
        code = answer.reasons[0].code if answer.reasons else None
        named = tuple(reason.field for reason in answer.reasons)
        return {"code": code, "fields": named if expected.get("fields") else ()}
    fields = expected["positions"][0]
    positions = [{field: _exact(getattr(position, field)) for field in fields} for position in answer.positions]
    summary = {field: _exact(getattr(answer.summary, field)) for field in expected if field.startswith(TOLD)}
    return {"code": None, "positions": positions, **summary}


def _exact(value: Decimal | str) -> Fraction | str:
    return Fraction(value) if isinstance(value, Decimal) else value
