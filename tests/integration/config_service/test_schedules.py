"""Planned changes in the database: listed, taken back, and ended once, however many replicas there are."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from uuid import uuid4

from services.config_service.schedule import Ended
from services.config_service.verdict import Applied, Cancelled, Planned, Refused, result
from tests.integration.config_service.dials import GRACE_S, Dial, command, plan


async def test_a_planned_change_is_listed_by_every_replica(dial: Dial, other_dial: Dial) -> None:
    planned = await dial.plan(plan(reason="weekend", new_risk_percent="1.50"))

    assert await other_dial.schedules() == [planned]


async def test_the_last_planned_is_listed_first_page_by_page(dial: Dial) -> None:
    planned = [await dial.plan(plan(ahead_s=60 + n)) for n in range(5)]

    first = await dial.schedules(limit=2)
    second = await dial.schedules(limit=2, before=first[-1].schedule_id)
    third = await dial.schedules(limit=2, before=second[-1].schedule_id)

    assert [*first, *second, *third] == planned[::-1]


async def test_schedules_are_listed_by_their_state(dial: Dial) -> None:
    kept, dropped = [await dial.plan(plan()) for _ in range(2)]
    await dial.cancel(dropped.schedule_id)

    assert [one.schedule_id for one in await dial.schedules(state="planned")] == [kept.schedule_id]
    assert [one.schedule_id for one in await dial.schedules(state="cancelled")] == [dropped.schedule_id]


async def test_a_plan_that_comes_many_times_at_once_is_made_once_and_answered_the_same(
    dial: Dial, other_dial: Dial
) -> None:
    given = plan(command_id="the same")

    verdicts = await asyncio.gather(*((dial, other_dial)[n % 2].give(given) for n in range(10)))

    assert len({result("the same", verdict).to_json() for verdict in verdicts}) == 1
    assert len(await dial.schedules()) == 1


async def test_a_repeated_plan_gets_its_first_answer_also_after_it_was_applied(dial: Dial) -> None:
    given = plan(ahead_s=0.3)
    first = await dial.give(given)
    await dial.ended()

    again = await dial.give(given)

    assert isinstance(again, Planned)
    assert result("c", again) == result("c", first)


async def test_a_repeated_cancellation_gets_its_first_answer_also_under_a_later_version(dial: Dial) -> None:
    planned = await dial.plan(plan())
    first = await dial.cancel(planned.schedule_id, command_id="c-1")
    await dial.apply(command())

    again = await dial.cancel(planned.schedule_id, command_id="c-1")

    assert isinstance(again, Cancelled)
    assert again.repeated
    assert result("c-1", again) == result("c-1", first)


async def test_what_was_cancelled_is_never_due(dial: Dial) -> None:
    planned = await dial.plan(plan())
    await dial.cancel(planned.schedule_id)
    await dial.let_pass(61)

    assert await dial.end_due() is None
    assert len(await dial.versions()) == 1


async def test_an_id_that_is_none_is_an_unknown_schedule(dial: Dial) -> None:
    verdicts = [
        await dial.cancel(uuid4()),
        await dial.give(command(command="cancel_schedule", schedule_id="not a uuid")),
    ]

    assert [isinstance(one, Refused) and one.code for one in verdicts] == ["unknown_schedule"] * 2


async def test_before_its_time_a_change_is_waited_for(dial: Dial) -> None:
    await dial.plan(plan(ahead_s=60))
    await dial.plan(plan(ahead_s=40))

    due_in_s = await dial.end_due()

    assert isinstance(due_in_s, float)
    assert 30 < due_in_s <= 40


async def test_a_due_change_is_applied_once_by_whichever_replica_comes_first(dial: Dial, other_dial: Dial) -> None:
    planned = await dial.plan(plan(new_risk_percent="1.5", reason="weekend"))
    await dial.let_pass(61)

    turns = await asyncio.gather(*((dial, other_dial)[n % 2].end_due() for n in range(10)))

    (ended,) = [turn for turn in turns if isinstance(turn, Ended)]
    assert (ended.schedule.schedule_id, ended.schedule.state) == (planned.schedule_id, "applied")
    _, made = await dial.versions()
    assert (made.fixed_risk_percent, made.updated_by, made.reason) == (Decimal("1.5"), "owner-1", "weekend")
    assert (await dial.schedules())[0] == ended.schedule


async def test_a_version_that_a_schedule_made_is_broadcast_and_in_force(dial: Dial) -> None:
    await dial.plan(plan())
    await dial.let_pass(61)
    await dial.end_due()

    assert (await dial.changes.current()).fixed_risk_percent == Decimal(2)
    assert [row.config_version for row in await dial.rows("SELECT * FROM risk_configuration_outbox")] == [2]
    (head,) = await dial.rows("SELECT * FROM risk_configuration")
    assert (head.fixed_risk_percent, head.updated_by) == (Decimal(2), "owner-1")


async def test_changes_that_are_due_together_are_applied_in_the_order_of_their_times(dial: Dial) -> None:
    for percent, ahead_s in (("1", 30), ("2", 10), ("4", 20)):
        await dial.plan(plan(new_risk_percent=percent, ahead_s=ahead_s))
    await dial.let_pass(31)

    for _ in range(3):
        assert isinstance(await dial.end_due(), Ended)

    assert [row.fixed_risk_percent for row in await dial.versions()] == [Decimal(n) for n in (3, 2, 4, 1)]


async def test_a_change_that_nobody_applied_in_its_grace_is_missed_and_changes_nothing(dial: Dial) -> None:
    await dial.plan(plan(ahead_s=60))
    await dial.let_pass(60 + GRACE_S + 1)

    ended = await dial.end_due()

    assert isinstance(ended, Ended)
    assert (ended.applied, ended.schedule.state, ended.schedule.config_version) == (None, "missed", 1)
    assert len(await dial.versions()) == 1
    assert await dial.end_due() is None


async def test_a_cancellation_and_the_clock_never_both_have_their_way(dial: Dial, other_dial: Dial) -> None:
    ends = []
    for _ in range(10):
        planned = await dial.plan(plan())
        await dial.let_pass(61)
        before = len(await dial.versions())

        cancelled, _ = await asyncio.gather(dial.cancel(planned.schedule_id), other_dial.end_due())

        made = len(await dial.versions()) - before
        ends.append((isinstance(cancelled, Cancelled), made))
    assert set(ends) <= {(True, 0), (False, 1)}


async def test_a_change_by_hand_and_one_by_the_clock_follow_each_other(dial: Dial, other_dial: Dial) -> None:
    await dial.plan(plan(new_risk_percent="1"))
    await dial.let_pass(61)

    by_hand, by_clock = await asyncio.gather(dial.apply(command(new_risk_percent="9")), other_dial.end_due())

    assert isinstance(by_hand, Applied)
    assert isinstance(by_clock, Ended)
    assert by_clock.applied is not None
    assert {by_hand.config.config_version, by_clock.applied.config.config_version} == {2, 3}
