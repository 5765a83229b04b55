"""What a command makes of the configuration."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from decimal import Decimal

import pytest

from services.config_service.dial import check, content_hash, decide
from services.config_service.schedule import Plans
from services.config_service.verdict import Applied, Order, result
from shared.schemas.config import AnyCommand, ConfigChanged
from tests.unit.config_service.configurations import FIRST, NOON, command, decided, known_as, order, refused, splits


def applied(given: Order) -> ConfigChanged:
    verdict = decided(given)
    assert isinstance(verdict, Applied)
    return verdict.config


def test_a_change_makes_the_next_version_and_says_who_when_and_why() -> None:
    config = applied(order(command(reason="NFP"), by="owner-2"))

    assert config.config_version == 8
    assert config.fixed_risk_percent == Decimal("2.5")
    assert (config.updated_by, config.updated_at, config.reason) == ("owner-2", NOON, "NFP")


@pytest.mark.parametrize(
    "given", [splits("0.6", "0.3", "0.1"), command(command="set_margin_buffer", margin_buffer_percent="5")]
)
def test_every_change_says_when_it_was_made(given: AnyCommand) -> None:
    assert applied(order(given)).updated_at == NOON


def test_a_change_leaves_everything_else_as_it_was() -> None:
    config = applied(order(command()))

    assert config.entry_splits == FIRST.entry_splits
    assert config.margin_buffer_percent == FIRST.margin_buffer_percent


def test_the_reason_of_the_last_change_is_not_the_reason_of_this_one() -> None:
    assert applied(order(command())).reason is None


def test_setting_what_holds_already_makes_a_version_too() -> None:
    assert applied(order(command(new_risk_percent="3"))).config_version == 8


@pytest.mark.parametrize(("sent", "kept"), [("2.50", "2.5"), ("1E+1", "10"), ("0.10", "0.1"), (2.5, "2.5"), (3, "3")])
def test_a_percent_is_kept_without_trailing_zeros(sent: object, kept: str) -> None:
    assert str(applied(order(command(new_risk_percent=sent))).fixed_risk_percent) == kept


def test_the_splits_are_set_together() -> None:
    config = applied(order(splits("0.60", "0.30", "0.1")))

    assert config.entry_splits.model_dump(mode="json") == {
        "entry_1_percent": "0.6",
        "entry_2_percent": "0.3",
        "entry_3_percent": "0.1",
    }


def test_the_margin_buffer_is_set() -> None:
    config = applied(order(command(command="set_margin_buffer", margin_buffer_percent="0")))

    assert config.margin_buffer_percent == 0


@pytest.mark.parametrize("percent", ["0.1", "50", "0.10000", "49.99999999999999999999999999999999"])
def test_a_risk_percent_on_its_bounds_is_in_range(percent: str) -> None:
    assert check(command(new_risk_percent=percent)) is None


@pytest.mark.parametrize("percent", ["0", "-1", "0.09999999999999999999999999999999999", "50.0000000000000000000001"])
def test_a_risk_percent_just_outside_is_out_of_range(percent: str) -> None:
    verdict = check(command(new_risk_percent=percent))

    assert verdict is not None
    assert [(reason.code, reason.field) for reason in verdict.reasons] == [("out_of_range", "new_risk_percent")]


@pytest.mark.parametrize("percent", ["0", "99.999999"])
def test_a_margin_buffer_on_its_bounds_is_in_range(percent: str) -> None:
    assert check(command(command="set_margin_buffer", margin_buffer_percent=percent)) is None


@pytest.mark.parametrize("percent", ["-0.01", "100"])
def test_a_margin_buffer_outside_is_out_of_range(percent: str) -> None:
    verdict = check(command(command="set_margin_buffer", margin_buffer_percent=percent))

    assert verdict is not None
    assert [(reason.code, reason.field) for reason in verdict.reasons] == [("out_of_range", "margin_buffer_percent")]


def test_splits_must_sum_to_exactly_one() -> None:
    # 36 places: a sum at a decimal context's 28 digits would be 1 in both cases.
    assert check(splits("0.5", "0.4", "0.1")) is None
    assert (
        check(splits("0.500000000000000000000000000000000001", "0.399999999999999999999999999999999999", "0.1")) is None
    )

    verdict = check(splits("0.500000000000000000000000000000000001", "0.4", "0.1"))

    assert verdict is not None
    assert [reason.field for reason in verdict.reasons] == ["entry_splits"]


def test_every_split_that_is_not_above_zero_is_named() -> None:
    verdict = check(splits("1", "0", "-0.0"))

    assert verdict is not None
    assert [reason.field for reason in verdict.reasons] == [
        "entry_splits.entry_2_percent",
        "entry_splits.entry_3_percent",
    ]


def test_a_command_lives_thirty_seconds_and_no_longer() -> None:
    assert applied(order(age_s=30)).config_version == 8
    assert refused(order(age_s=30.001)).code == "expired"


def test_a_command_from_the_future_is_refused_because_it_would_stay_young_too_long() -> None:
    assert applied(order(age_s=-30)).config_version == 8
    verdict = refused(order(age_s=-31))

    assert (verdict.code, verdict.reasons[0].field) == ("invalid_message", "timestamp")


def test_a_command_over_http_has_no_age() -> None:
    assert applied(order(age_s=None)).config_version == 8


def test_an_expected_version_that_holds_is_no_obstacle() -> None:
    assert applied(order(command(expected_version=7))).config_version == 8


@pytest.mark.parametrize("expected", [6, 8])
def test_another_expected_version_is_a_conflict_that_tells_the_one_in_force(expected: int) -> None:
    verdict = refused(order(command(expected_version=expected)))

    assert verdict.code == "version_conflict"
    assert verdict.config == FIRST


def test_a_repeated_command_gets_its_answer_though_its_expected_version_and_its_time_are_past() -> None:
    given = order(command(expected_version=7))
    first = decided(given)

    later = NOON + timedelta(hours=1)
    again = decide(given, applied(order()), now=later, known=known_as(given), plans=Plans(), command_s=30)

    assert isinstance(first, Applied)
    assert not first.repeated
    assert isinstance(again, Applied)
    assert again.repeated
    assert result("c-1", again).to_json() == result("c-1", first).to_json()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(order(command(new_risk_percent="2.6")), id="another value"),
        pytest.param(order(command(reason="else")), id="another reason"),
        pytest.param(order(command(expected_version=7)), id="another expectation"),
        pytest.param(order(command(), by="owner-2"), id="another owner"),
        pytest.param(order(command(command="set_margin_buffer", margin_buffer_percent="2.5")), id="another command"),
    ],
)
def test_the_same_command_id_for_something_else_is_a_conflict(other: Order) -> None:
    verdict = refused(other, known=known_as(order()))

    assert (verdict.code, verdict.reasons[0].field) == ("command_id_conflict", "command_id")


@pytest.mark.parametrize("percent", ["2.50", 2.5, "25E-1"])
def test_the_same_number_written_otherwise_is_the_same_command(percent: object) -> None:
    assert content_hash(order(command(new_risk_percent=percent, reason=None))) == content_hash(order())


def test_the_stored_form_of_a_commands_content_does_not_change() -> None:
    stored = (
        '{"by": "owner-1", "command": "set_risk_percent", "command_id": "c-1", "expected_version": null,'
        ' "new_risk_percent": "2.5", "reason": null}'
    )

    assert content_hash(order()) == hashlib.sha256(stored.encode()).digest()


def test_the_answer_to_a_change_tells_both_percents_and_the_whole_configuration() -> None:
    answer = result("c-1", decided(order(command(reason="NFP"))))

    assert answer.model_dump(mode="json") == {
        "command_id": "c-1",
        "status": "applied",
        "reasons": [],
        "previous_risk_percent": "3",
        "new_risk_percent": "2.5",
        "config_version": 8,
        "updated_at": "2026-11-22T12:00:00.000Z",
        "updated_by": "owner-1",
        "schedule_id": None,
        "config": {
            "config_version": 8,
            "fixed_risk_percent": "2.5",
            "entry_splits": {"entry_1_percent": "0.5", "entry_2_percent": "0.35", "entry_3_percent": "0.15"},
            "margin_buffer_percent": "20",
            "updated_at": "2026-11-22T12:00:00.000Z",
            "updated_by": "owner-1",
            "reason": "NFP",
        },
    }


def test_the_answer_to_another_change_tells_the_risk_percent_that_stays() -> None:
    answer = result("c-1", decided(order(command(command="set_margin_buffer", margin_buffer_percent="5"))))

    assert (answer.previous_risk_percent, answer.new_risk_percent) == (Decimal(3), Decimal(3))


def test_the_answer_to_a_refusal_tells_nothing_but_why() -> None:
    answer = result("c-1", refused(order(age_s=31)))

    assert answer.status == "rejected"
    assert [reason.code for reason in answer.reasons] == ["expired"]
    assert (answer.new_risk_percent, answer.config_version, answer.config) == (None, None, None)
