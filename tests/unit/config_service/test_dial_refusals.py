"""What the owner is told when a command is refused: the sentence, the field, and what is in force."""

from __future__ import annotations

import pytest

from services.config_service.dial import check, content_hash
from services.config_service.verdict import Order, result
from shared.schemas.config import AnyCommand
from shared.schemas.reasons import Reason
from tests.unit.config_service.configurations import FIRST, command, known_as, order, plan, refused, splits


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (command(new_risk_percent="51"), [("new_risk_percent", "must be between 0.1 and 50")]),
        (
            command(command="set_margin_buffer", margin_buffer_percent="100"),
            [("margin_buffer_percent", "must be at least 0 and below 100")],
        ),
        (
            splits("0", "0.9", "0"),
            [
                ("entry_splits.entry_1_percent", "must be above 0"),
                ("entry_splits.entry_3_percent", "must be above 0"),
                ("entry_splits", "must sum to 1"),
            ],
        ),
        (plan(new_risk_percent="0.05"), [("new_risk_percent", "must be between 0.1 and 50")]),
    ],
)
def test_each_wrong_field_is_told_what_it_must_be(given: AnyCommand, expected: list[tuple[str, str]]) -> None:
    verdict = check(given)

    assert verdict is not None
    assert [(reason.field, reason.message) for reason in verdict.reasons] == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            order(age_s=31),
            Reason(code="expired", message="the command is older than 30 s; send it again if it is still meant"),
        ),
        (
            order(age_s=-31),
            Reason(code="invalid_message", message="is more than 30 s ahead of our clock", field="timestamp"),
        ),
        (
            order(command(expected_version=6)),
            Reason(
                code="version_conflict",
                message="the configuration is at version 7, not 6",
                field="expected_version",
            ),
        ),
    ],
)
def test_a_refused_order_says_in_a_sentence_why(given: Order, expected: Reason) -> None:
    assert refused(given).reasons == (expected,)


def test_a_command_id_that_is_taken_says_so() -> None:
    known = known_as(order(command(new_risk_percent="9")))

    assert refused(order(), known=known).reasons == (
        Reason(code="command_id_conflict", message="named another command before", field="command_id"),
    )


def test_the_answer_to_a_version_conflict_tells_the_version_and_the_configuration_in_force() -> None:
    answer = result("c-1", refused(order(command(expected_version=6))))

    assert answer.command_id == "c-1"
    assert answer.config_version == 7
    assert answer.config == FIRST


def test_the_answer_to_another_refusal_names_its_command() -> None:
    assert result("c-1", refused(order(age_s=31))).command_id == "c-1"
    assert result(None, refused(order(age_s=31))).command_id is None


def test_the_time_of_a_plan_is_part_of_what_was_ordered_however_it_was_written() -> None:
    planned = content_hash(order(plan("2026-12-01T00:00:00Z")))

    assert content_hash(order(plan("2026-12-01T01:00:00.000+01:00"))) == planned
    assert content_hash(order(plan("2026-12-01T00:00:00.001Z"))) != planned
