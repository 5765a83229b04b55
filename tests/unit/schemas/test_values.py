"""Decimals, times, identifiers: what is read, and what is refused, value by value."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, TypeAdapter, ValidationError

from shared.schemas.values import (
    AccountCurrency,
    Currency,
    Identifier,
    OptionalDecimal,
    Text,
    format_decimal,
    format_time,
    parse_decimal,
    parse_time,
    parse_uuid,
)

STRICT = ConfigDict(strict=True)
IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier, config=STRICT)
TEXT: TypeAdapter[str] = TypeAdapter(Text, config=STRICT)
OPTIONAL: TypeAdapter[Decimal | None] = TypeAdapter(OptionalDecimal, config=STRICT)


@pytest.mark.parametrize(
    ("sent", "plain"),
    [
        ("1950.25", "1950.25"),
        ("1950.00", "1950.00"),
        ("-0.5", "-0.5"),
        ("+7", "7"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("1.5E-3", "0.0015"),
        ("007", "7"),
        (1950.25, "1950.25"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (1e21, "1000000000000000000000"),
        (2.50, "2.5"),
        (3, "3"),
        (10**37, "1" + 37 * "0"),
    ],
)
def test_a_decimal_is_read_as_the_shortest_number_that_was_meant(sent: object, plain: str) -> None:
    assert format_decimal(parse_decimal(sent)) == plain


@pytest.mark.parametrize("sent", ["-0", "-0.00", -0.0, "-0e5"])
def test_there_is_one_zero(sent: object) -> None:
    assert not parse_decimal(sent).is_signed()


@pytest.mark.parametrize("sent", [math.nan, math.inf, -math.inf, "NaN", "sNaN", "Infinity", "-inf", Decimal("NaN")])
def test_what_is_no_finite_number_is_refused(sent: object) -> None:
    with pytest.raises(ValueError, match="must be a"):
        parse_decimal(sent)


@pytest.mark.parametrize("sent", [True, False, None, [], {}, b"1", "", " 1", "1 ", "1,5", "0x10", "1_000", "٣", "1e"])
def test_what_is_no_number_is_refused(sent: object) -> None:
    with pytest.raises(ValueError, match="must be a decimal"):
        parse_decimal(sent)


@pytest.mark.parametrize(
    "sent",
    [
        "1" * 39,
        "0." + "0" * 38 + "1",
        "1e38",
        "1e-39",
        "1e400",
        "1e-400",
        "1e999999",
        "9" * 20 + "." + "9" * 19,
        10**38,
        "0e-39",
    ],
)
def test_more_than_38_digits_are_refused(sent: object) -> None:
    with pytest.raises(ValueError, match="at most 38 digits"):
        parse_decimal(sent)


@pytest.mark.parametrize("sent", ["9" * 38, "0." + "0" * 37 + "1", "1e37", "9" * 19 + "." + "9" * 19])
def test_38_digits_are_kept_exactly(sent: str) -> None:
    assert parse_decimal(sent) == Decimal(sent)


def test_a_decimal_longer_than_any_number_is_refused_unread() -> None:
    with pytest.raises(ValueError, match="must be a decimal"):
        parse_decimal("0" * 101)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18, places=18))
def test_plain_notation_is_read_back_exactly(number: Decimal) -> None:
    assert parse_decimal(format_decimal(number)) == number


@pytest.mark.parametrize("sent", [None, 0, 0.0, "0", "0.00", "-0"])
def test_null_and_zero_both_mean_not_given(sent: object) -> None:
    assert OPTIONAL.validate_python(sent) is None


@pytest.mark.parametrize("sent", ["-1", True, "NaN"])
def test_what_is_given_must_be_a_positive_number(sent: object) -> None:
    with pytest.raises(ValidationError):
        OPTIONAL.validate_python(sent)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("2026-11-22T14:00:00Z", datetime(2026, 11, 22, 14, tzinfo=UTC)),
        ("2026-11-22T14:00:00.125Z", datetime(2026, 11, 22, 14, 0, 0, 125_000, tzinfo=UTC)),
        ("2026-11-22t14:00:00z", datetime(2026, 11, 22, 14, tzinfo=UTC)),
        ("2026-11-22 15:30:00+01:30", datetime(2026, 11, 22, 14, tzinfo=UTC)),
        ("2026-11-22T14:00:00.123456789Z", datetime(2026, 11, 22, 14, 0, 0, 123_456, tzinfo=UTC)),
        (datetime(2026, 11, 22, 16, tzinfo=timezone(timedelta(hours=2))), datetime(2026, 11, 22, 14, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_into_utc(sent: object, meant: datetime) -> None:
    time = parse_time(sent)

    assert (time, time.tzinfo) == (meant, UTC)


@pytest.mark.parametrize(
    "sent",
    [
        "2026-11-22T14:00:00",
        datetime(2026, 11, 22, 14),  # noqa: DTZ001  naive on purpose
        "2026-11-22",
        "2026-11-22T14:00Z",
        "2026-13-22T14:00:00Z",
        "2026-02-30T14:00:00Z",
        "2026-11-22T24:00:01Z",
        "2026-11-22T14:00:00+99:99",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "22.11.2026 14:00",
        "٢٠٢٦-11-22T14:00:00Z",
        1_795_356_000,
        1_795_356_000.5,
        True,
        None,
        "",
    ],
)
def test_a_time_that_leaves_a_doubt_is_refused(sent: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(sent)


@pytest.mark.parametrize(
    ("time", "written"),
    [
        (datetime(2026, 11, 22, 14, tzinfo=UTC), "2026-11-22T14:00:00.000Z"),
        (datetime(2026, 11, 22, 14, 0, 0, 125_000, tzinfo=UTC), "2026-11-22T14:00:00.125Z"),
        (datetime(2026, 11, 22, 14, 0, 0, 125_001, tzinfo=UTC), "2026-11-22T14:00:00.125001Z"),
        (datetime(2026, 11, 22, 16, tzinfo=timezone(timedelta(hours=2))), "2026-11-22T14:00:00.000Z"),
    ],
)
def test_a_time_is_written_in_utc_to_the_millisecond_or_finer(time: datetime, written: str) -> None:
    assert format_time(time) == written


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_written_time_is_read_back_exactly(time: datetime) -> None:
    assert parse_time(format_time(time)) == time


def test_a_uuid_is_read_in_its_canonical_form() -> None:
    assert parse_uuid("8E3D1F0C-6c55-4e9b-9a52-0f6d3f2b7a10") == UUID("8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10")


@pytest.mark.parametrize(
    "sent",
    [
        "8e3d1f0c6c554e9b9a520f6d3f2b7a10",
        "{8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10}",
        "urn:uuid:8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10",
        "not-a-uuid",
        "",
        7,
        None,
    ],
)
def test_any_other_form_of_a_uuid_is_refused(sent: object) -> None:
    with pytest.raises(ValueError, match="must be a UUID"):
        parse_uuid(sent)


@pytest.mark.parametrize("name", ["u-17", "FxPro-MT5 Demo", "a", "é", "日本", "x" * 128])
def test_a_name_may_be_anything_that_people_can_read(name: str) -> None:
    assert IDENTIFIER.validate_python(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", " a", "a ", "a\n", "\ta", "a\x00b", "a\x1fb", "a\x7f", "x" * 129, "\ud800", 17, None, b"a"]
)
def test_a_name_without_end_or_with_control_characters_is_refused(name: object) -> None:
    with pytest.raises(ValidationError):
        IDENTIFIER.validate_python(name)


@pytest.mark.parametrize("text", ["a\x00b", "x" * 501, "\ud800", 5])
def test_a_text_that_no_database_holds_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        TEXT.validate_python(text)


@pytest.mark.parametrize("code", ["gbp", "GB", "GBPGBP", "GB1", "GBP\n", ""])
def test_an_account_currency_is_three_to_five_capitals(code: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(AccountCurrency, config=STRICT).validate_python(code)


@pytest.mark.parametrize("code", ["XAU", "USDT", "GBX", "US30", "BTC"])
def test_an_asset_may_be_a_metal_an_index_or_a_coin(code: str) -> None:
    assert TypeAdapter(Currency, config=STRICT).validate_python(code) == code
