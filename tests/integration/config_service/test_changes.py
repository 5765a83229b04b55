"""Two owners at two replicas: everyone is answered, versions follow each other, a command has one effect."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from uuid import uuid4

import pytest

from services.config_service.verdict import Applied, Refused, result
from tests.integration.config_service.dials import Dial, command, plan


async def test_changes_given_at_once_make_one_version_each_in_the_order_of_their_commits(
    dial: Dial, other_dial: Dial
) -> None:
    percents = [Decimal(n) / 10 for n in range(1, 41)]
    replicas = [dial, other_dial]

    applied = await asyncio.gather(
        *(
            replicas[n % 2].apply(command(new_risk_percent=str(percent)), by=f"owner-{n % 2}")
            for n, percent in enumerate(percents)
        )
    )

    history = await dial.versions()
    assert [row.config_version for row in history] == list(range(1, 42))
    assert {row.config_version: row.fixed_risk_percent for row in history[1:]} == {
        one.config.config_version: one.config.fixed_risk_percent for one in applied
    }
    assert sorted(row.fixed_risk_percent for row in history[1:]) == percents
    assert [row.updated_at for row in history] == sorted(row.updated_at for row in history)


async def test_each_of_many_changes_tells_the_percent_that_the_one_before_it_left(dial: Dial, other_dial: Dial) -> None:
    replicas = [dial, other_dial]

    applied = await asyncio.gather(*(replicas[n % 2].apply(command(new_risk_percent=str(n + 1))) for n in range(20)))

    left = {one.config.config_version: one.config.fixed_risk_percent for one in applied} | {1: Decimal(3)}
    assert all(one.previous.fixed_risk_percent == left[one.config.config_version - 1] for one in applied)


async def test_every_version_is_there_to_be_broadcast(dial: Dial) -> None:
    await asyncio.gather(*(dial.apply(command()) for _ in range(5)))

    outbox = await dial.rows("SELECT config_version FROM risk_configuration_outbox ORDER BY 1")
    assert [row.config_version for row in outbox] == [2, 3, 4, 5, 6]


async def test_of_many_who_expect_the_same_version_one_is_applied(dial: Dial, other_dial: Dial) -> None:
    replicas = [dial, other_dial]

    verdicts = await asyncio.gather(*(replicas[n % 2].give(command(expected_version=1)) for n in range(10)))

    assert Counter(type(verdict) for verdict in verdicts) == {Applied: 1, Refused: 9}
    assert {verdict.code for verdict in verdicts if isinstance(verdict, Refused)} == {"version_conflict"}
    assert len(await dial.versions()) == 2


async def test_a_command_that_comes_many_times_at_once_has_one_effect_and_one_answer(
    dial: Dial, other_dial: Dial
) -> None:
    given = command(command_id="the same", reason="once")
    replicas = [dial, other_dial]

    verdicts = await asyncio.gather(*(replicas[n % 2].give(given) for n in range(10)))

    assert len({result("the same", verdict).to_json() for verdict in verdicts}) == 1
    assert len(await dial.versions()) == 2


@pytest.mark.parametrize("first", ["set", "plan", "cancel"])
async def test_a_command_id_names_one_command_of_whatever_kind(dial: Dial, first: str) -> None:
    taken = str(uuid4())
    match first:
        case "set":
            await dial.give(command(command_id=taken))
        case "plan":
            await dial.give(plan(command_id=taken))
        case "cancel":
            await dial.cancel((await dial.plan(plan())).schedule_id, command_id=taken)

    others = [
        await dial.give(command(command_id=taken, command="set_margin_buffer", margin_buffer_percent="1")),
        await dial.give(plan(command_id=taken, new_risk_percent="9")),
        await dial.give(command(command_id=taken, command="cancel_schedule", schedule_id=str(uuid4()))),
    ]

    assert [isinstance(one, Refused) and one.code for one in others] == ["command_id_conflict"] * 3
