"""The roster: who runs which version, who is behind, who is missing, and whom it forgets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.config_service.roster import NAME_CHARACTERS_MAX, Roster, Standing, Worker
from shared.schemas.config import WorkerState

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def announcement(instance: str = "w-1", version: int = 7, *, service: str = "sizing_worker") -> WorkerState:
    long_ago = NOON - timedelta(days=365)  # what a worker's own clock says does not count
    return WorkerState(instance=instance, service=service, config_version=version, at=long_ago)


def instances(roster: Roster, now: datetime) -> list[str]:
    return [worker.instance for worker in roster.workers(now=now)]


def only(roster: Roster, now: datetime) -> Worker:
    (worker,) = roster.workers(now=now)
    return worker


@pytest.mark.parametrize(
    ("version", "in_force", "seconds", "standing"),
    [
        (7, 7, 0, "current"),
        (7, 7, 30, "current"),
        (8, 7, 0, "current"),
        (6, 7, 0, "behind"),
        (6, 7, 30, "behind"),
        (7, 7, 30.001, "missing"),
        (6, 7, 31, "missing"),
    ],
)
def test_a_worker_stands_by_its_version_and_by_when_it_was_heard(
    version: int, in_force: int, seconds: float, standing: Standing
) -> None:
    roster = Roster()
    roster.hear(announcement(version=version), now=NOON)

    assert only(roster, after(seconds)).standing(in_force, now=after(seconds)) == standing


def test_a_version_is_confirmed_when_it_is_first_announced() -> None:
    roster = Roster()
    roster.hear(announcement(version=7), now=NOON)
    roster.hear(announcement(version=8), now=after(4))

    roster.hear(announcement(version=8), now=after(14))

    worker = only(roster, after(14))
    assert (worker.config_version, worker.confirmed_at, worker.announced_at) == (8, after(4), after(14))


def test_an_announcement_that_was_overtaken_takes_nobody_back() -> None:
    roster = Roster()
    roster.hear(announcement(version=8), now=NOON)

    roster.hear(announcement(version=7), now=after(1))

    worker = only(roster, after(1))
    assert (worker.config_version, worker.confirmed_at, worker.announced_at) == (8, NOON, after(1))


def test_a_missing_worker_is_shown_for_a_quarter_of_an_hour_and_then_forgotten() -> None:
    roster = Roster()
    roster.hear(announcement(), now=NOON)

    assert instances(roster, after(900)) == ["w-1"]
    assert instances(roster, after(900.001)) == []


def test_one_that_is_heard_again_stays() -> None:
    roster = Roster()
    roster.hear(announcement("w-1"), now=NOON)
    roster.hear(announcement("w-2"), now=after(1))
    roster.hear(announcement("w-1"), now=after(800))

    assert instances(roster, after(950)) == ["w-1"]


def test_workers_are_listed_by_service_and_instance() -> None:
    roster = Roster()
    for instance, service in [("b", "sizing_worker"), ("c", "config_service"), ("a", "sizing_worker")]:
        roster.hear(announcement(instance, service=service), now=NOON)

    assert instances(roster, NOON) == ["c", "a", "b"]


def test_a_full_roster_keeps_those_that_are_heard() -> None:
    roster = Roster(most=2)
    roster.hear(announcement("w-1"), now=NOON)
    roster.hear(announcement("w-2"), now=NOON)

    taken = roster.hear(announcement("w-3"), now=after(30))

    assert not taken
    assert instances(roster, after(30)) == ["w-1", "w-2"]


def test_on_a_full_roster_the_longest_missing_gives_way() -> None:
    roster = Roster(most=2)
    roster.hear(announcement("w-1"), now=NOON)
    roster.hear(announcement("w-2"), now=after(1))
    roster.hear(announcement("w-1"), now=after(2))

    taken = roster.hear(announcement("w-3"), now=after(40))

    assert taken
    assert instances(roster, after(40)) == ["w-1", "w-3"]


def test_a_known_worker_is_heard_on_a_full_roster() -> None:
    roster = Roster(most=1)
    roster.hear(announcement(version=7), now=NOON)

    assert roster.hear(announcement(version=8), now=after(1))
    assert only(roster, after(1)).config_version == 8


@pytest.mark.parametrize("field", ["instance", "service"])
def test_a_name_that_is_too_long_is_ignored(field: str) -> None:
    roster = Roster()

    taken = roster.hear(announcement().model_copy(update={field: "w" * (NAME_CHARACTERS_MAX + 1)}), now=NOON)

    assert not taken
    assert instances(roster, NOON) == []
