"""When parked messages are told of: more than were known of, though the broker's counts come and go."""

from __future__ import annotations

import pytest

from services.config_service.notifications.parked import ParkedMarks


def told(*counts: int) -> list[str]:
    """The titles, for one queue whose count is looked at so many times."""
    marks = ParkedMarks()
    return [notice.title for count in counts for notice in marks.look({"lotwise.sizing": count})]


def test_what_lies_there_at_the_first_look_is_old() -> None:
    assert told(7, 7) == []


def test_more_are_told_of_once_with_how_many_there_are_now() -> None:
    (notice,) = [notice for marks in [ParkedMarks()] for n in (2, 5, 5) for notice in marks.look({"lotwise.sizing": n})]

    assert (notice.kind, notice.title) == ("parked", "3 more parked in lotwise.sizing.dead")
    assert notice.body.startswith("5 lie there now.")


@pytest.mark.parametrize("counts", [(5, 0, 5), (5, 3, 5, 3, 5), (5, 4, 5)])
def test_a_count_that_was_lower_for_a_moment_tells_nothing_again(counts: tuple[int, ...]) -> None:
    assert told(*counts) == []


def test_after_the_operator_has_cleared_them_new_ones_are_told_of() -> None:
    assert told(5, 0, 0, 2) == ["2 more parked in lotwise.sizing.dead"]


def test_each_queue_is_looked_at_alone_and_one_that_could_not_be_counted_is_remembered() -> None:
    marks = ParkedMarks()
    marks.look({"lotwise.sizing": 1, "lotwise.accounts": 1})
    marks.look({})

    (notice,) = marks.look({"lotwise.sizing": 1, "lotwise.accounts": 2})

    assert notice.title == "1 more parked in lotwise.accounts.dead"
