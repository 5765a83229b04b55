"""Specifications, each read alone: what MetaTrader reports, and what no broker can mean."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args

import pytest

from shared.schemas.instrument import CalcMode, InstrumentSpec, RefusedSpec, read_specs
from tests.builders import gold

OPTIONAL_FIELDS = [
    "volume_limit",
    "margin_initial",
    "margin_rate_buy",
    "margin_rate_sell",
    "margin_to_account",
    "profit_to_account",
    "face_value",
    "margin_per_lot_buy",
    "margin_per_lot_sell",
    "margin_price",
]


def one(**fields: Any) -> InstrumentSpec:
    (spec,), refused = read_specs((gold(**fields),))
    assert refused == ()
    return spec


def refused(*documents: object) -> list[RefusedSpec]:
    return list(read_specs(documents)[1])


def faults(**fields: Any) -> list[str | None]:
    (spec,) = refused(gold(**fields))
    return [error.field for error in spec.errors]


@pytest.mark.parametrize("field", OPTIONAL_FIELDS)
@pytest.mark.parametrize("unset", [None, 0, 0.0, "0", "0.00"])
def test_null_and_zero_mean_not_given(field: str, unset: object) -> None:
    assert getattr(one(**{field: unset}), field) is None


@pytest.mark.parametrize("field", OPTIONAL_FIELDS)
def test_what_is_left_out_is_not_given(field: str) -> None:
    assert getattr(one(), field) is None


@pytest.mark.parametrize("field", OPTIONAL_FIELDS)
def test_what_is_given_is_kept(field: str) -> None:
    assert getattr(one(**{field: "0.79"}), field) == Decimal("0.79")


@pytest.mark.parametrize("field", OPTIONAL_FIELDS)
@pytest.mark.parametrize("wrong", ["-0.79", True, "NaN", "a"])
def test_what_is_given_is_a_positive_number(field: str, wrong: object) -> None:
    assert faults(**{field: wrong}) == [f"instruments.0.{field}"]


@pytest.mark.parametrize(
    "field", ["contract_size", "tick_size", "tick_value", "volume_min", "volume_max", "volume_step"]
)
@pytest.mark.parametrize("wrong", [None, 0, "0", "-1", False])
def test_what_every_symbol_has_is_positive(field: str, wrong: object) -> None:
    assert f"instruments.0.{field}" in faults(**{field: wrong})


@pytest.mark.parametrize("mode", get_args(CalcMode))
def test_the_nine_calc_modes_are_known(mode: str) -> None:
    assert one(calc_mode=mode).calc_mode == mode


@pytest.mark.parametrize("mode", ["exch_futures_forts", "serv_collateral", "FOREX", "", None, 0, 4])
def test_any_other_calc_mode_is_refused_and_never_treated_as_forex(mode: object) -> None:
    assert faults(calc_mode=mode) == ["instruments.0.calc_mode"]


def test_no_commission_is_zero() -> None:
    assert one().commission_per_lot == Decimal(0)


def test_a_negative_commission_is_refused() -> None:
    assert faults(commission_per_lot="-1") == ["instruments.0.commission_per_lot"]


def test_the_smallest_volume_is_not_above_the_largest() -> None:
    (spec,) = refused(gold(volume_min="1", volume_max="0.5"))

    assert [error.message for error in spec.errors] == ["volume_min is above volume_max"]


def test_a_wrong_spec_is_refused_alone_and_by_its_path() -> None:
    specs, wrong = read_specs((gold(), gold(instrument="XAGUSD", tick_size="0"), gold(instrument="EURUSD")))

    assert [spec.instrument for spec in specs] == ["XAUUSD", "EURUSD"]
    assert [(spec.index, spec.instrument) for spec in wrong] == [(1, "XAGUSD")]
    assert [error.field for error in wrong[0].errors] == ["instruments.1.tick_size"]


def test_a_spec_that_is_named_twice_is_refused_both_times() -> None:
    specs, wrong = read_specs((gold(), gold(instrument="EURUSD"), gold(symbol="XAUUSD.m")))

    assert [spec.instrument for spec in specs] == ["EURUSD"]
    assert [(spec.index, spec.instrument, spec.errors[0].field) for spec in wrong] == [
        (0, "XAUUSD", "instruments.0.instrument"),
        (2, "XAUUSD", "instruments.2.instrument"),
    ]


def test_names_match_exactly() -> None:
    specs, _ = read_specs((gold(instrument="XAUUSD"), gold(instrument="xauusd")))

    assert [spec.instrument for spec in specs] == ["XAUUSD", "xauusd"]


@pytest.mark.parametrize("document", [None, 7, "XAUUSD", [], {}, {"instrument": 7}, {"instrument": None}])
def test_what_is_no_spec_at_all_is_refused_without_a_name(document: object) -> None:
    (spec,) = refused(document)

    assert spec.instrument is None


@pytest.mark.parametrize("name", ["XAU\x00USD", "\ud800", "x" * 100_000])
def test_a_refused_name_is_fit_for_the_log(name: str) -> None:
    (spec,) = refused(gold(instrument=name))

    assert spec.instrument is not None
    assert len(spec.instrument) <= 200
    assert b"\x00" not in spec.instrument.encode()


def test_a_field_that_metatrader_does_not_have_is_refused() -> None:
    assert faults(swap_long="1") == ["instruments.0.swap_long"]
