"""The last day under another percent, over HTTP: for the owner, bounded, one at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.config_service.proofs import Proofs
from shared.schemas.values import parse_decimal
from tests.desk import Desk, request
from tests.integration.config_service.askers import Api

SIMULATION = "/api/v1/risk/simulation"


@pytest.fixture
async def desk(emptied_database: AsyncEngine) -> Desk:
    """One approval of 0.30 + 0.21 + 0.09 lots, 300.00 at risk and 1,169.22 of margin; then one refusal."""
    made = Desk(emptied_database)
    await made.report(margin_free="2400.00", margin_used="7600.00")
    await made.publish()
    await made.ask_at_once(request(), request())
    return made


async def test_what_would_have_been_stands_beside_what_was(api: Api, desk: Desk) -> None:
    del desk

    told = await api.owner.page(SIMULATION, risk_percent="1.5")

    assert told.pop("since")
    # At half the percent 0.15 + 0.10 + 0.04 lots, twice: 290.00 at risk, and 2 × 565.14 of margin; of 2,400.00 and
    # then of 2,400.00 − 1,169.22, which the first held in truth, that is 23.54 % and 45.91 %.
    assert told == {
        "risk_percent": "1.5",
        "risk_percents": ["3"],
        "is_cut": False,
        "decisions": 2,
        "unreadable": 0,
        "happened": {
            "approved": 1,
            "refused": [{"reason": "margin_buffer", "count": 1}],
            "lots": "0.60",
            "at_risk": [{"currency": "USD", "amount": "300.00"}],
            "margin": [{"currency": "USD", "amount": "1169.22"}],
            "margin_use_percent": "48.71",
        },
        "simulated": {
            "approved": 2,
            "refused": [],
            "lots": "0.58",
            "at_risk": [{"currency": "USD", "amount": "290.00"}],
            "margin": [{"currency": "USD", "amount": "1130.28"}],
            "margin_use_percent": "34.73",
        },
    }


async def test_a_day_without_decisions_is_an_empty_simulation(api: Api) -> None:
    told = await api.owner.page(SIMULATION, risk_percent="1.5")

    assert (told["decisions"], told["since"], told["happened"]["margin_use_percent"]) == (0, None, None)


async def test_decisions_of_the_day_before_are_left_out(api: Api, desk: Desk) -> None:
    async with desk.engine.begin() as connection:
        await connection.execute(text("UPDATE decision_records SET decided_at = decided_at - interval '25 hours'"))

    assert (await api.owner.page(SIMULATION, risk_percent="1.5"))["decisions"] == 0


async def test_only_the_newest_are_simulated_and_it_says_so(desk: Desk, own_database: AsyncEngine) -> None:
    await desk.ask()

    day = await Proofs(own_database, simulated_max=1).simulate(parse_decimal("1.5"))

    assert (day.is_cut, day.result.happened.decisions, day.result.happened.approved) == (True, 1, 0)


async def test_a_user_may_not_simulate(api: Api) -> None:
    answer = await api.user("u-1").get(SIMULATION, risk_percent="1.5")

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "invalid_message"),
        ({"risk_percent": "much"}, "invalid_message"),
        ({"risk_percent": "NaN"}, "invalid_message"),
        ({"risk_percent": "1", "since": "48h"}, "invalid_message"),
        ({"risk_percent": "0.09"}, "out_of_range"),
        ({"risk_percent": "50.01"}, "out_of_range"),
    ],
)
async def test_a_percent_that_the_dial_does_not_take_is_refused(
    api: Api, parameters: dict[str, Any], code: str
) -> None:
    answer = await api.owner.get(SIMULATION, **parameters)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_second_simulation_at_the_same_time_is_to_try_again(api: Api, desk: Desk) -> None:
    del desk

    answers = await asyncio.gather(*(api.owner.get(SIMULATION, risk_percent="2") for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [200, 503, 503]
    assert {answer.headers.get("retry-after") for answer in answers} == {None, "2"}
