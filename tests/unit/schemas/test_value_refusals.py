"""What the sender of a value is told of it, and that a time is the same time wherever the machine stands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shared.schemas.values import format_time, parse_decimal, parse_time, parse_uuid, plain_digits

A_TIME = 'must be an RFC 3339 time with its offset, such as "2026-11-22T14:00:00.125Z"'


@pytest.mark.parametrize("sent", ["1,5", True, "1" + 100 * "0"])
def test_what_is_no_decimal_is_told_what_one_is(sent: object) -> None:
    with pytest.raises(ValueError, match=r'^must be a decimal, as a string such as "1950\.25"$'):
        parse_decimal(sent)


def test_a_number_without_end_is_told_that_it_must_have_one() -> None:
    with pytest.raises(ValueError, match=r"^must be a finite number$"):
        parse_decimal(float("inf"))


def test_a_number_that_is_too_long_is_told_how_long_it_may_be() -> None:
    with pytest.raises(ValueError, match=r"^must have at most 38 digits$"):
        parse_decimal("1e38")


def test_a_decimal_may_be_a_hundred_characters_long() -> None:
    assert parse_decimal(98 * "0" + ".5") == parse_decimal("0.5")


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("22.11.2026", A_TIME),
        (1_795_356_000, A_TIME),
        (datetime(2026, 11, 22, 14), "must carry its offset from UTC"),  # noqa: DTZ001  naive on purpose
        ("0001-01-01T00:00:00+14:00", "is out of range"),
    ],
)
def test_what_is_no_time_is_told_what_it_lacks(sent: object, told: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        parse_time(sent)

    assert str(refused.value) == told


def test_what_is_no_uuid_is_told_what_one_is() -> None:
    with pytest.raises(ValueError, match=r'^must be a UUID such as "8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10"$'):
        parse_uuid("7")


def test_what_is_not_finite_has_no_number_of_digits() -> None:
    with pytest.raises(TypeError, match=r"^a finite decimal is needed$"):
        plain_digits(Decimal("NaN"))


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose local time is nine hours ahead of UTC."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("tokyo")
def test_a_machine_in_tokyo_reads_and_writes_times_in_utc() -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)

    read = parse_time("2026-11-22T13:00:00+01:00")

    assert (read, read.utcoffset()) == (noon, noon.utcoffset())
    assert format_time(noon) == "2026-11-22T12:00:00.000Z"
