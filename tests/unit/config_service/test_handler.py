"""Commands that are refused before the database is asked: by whom, in what form, out of what range."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel, SecretStr
from sqlalchemy.ext.asyncio import create_async_engine

from services.config_service.changes import Changes
from services.config_service.handler import CommandHandler
from shared.messaging.delivery import Delivery
from shared.messaging.outcomes import Ack, Outcome, Park
from shared.schemas.config import ConfigCommand, ConfigResult
from shared.schemas.decoding import InvalidMessage, decode
from shared.tokens import TokenSettings, TokenVerifier, issue_token
from tests.unit.config_service.configurations import command, splits

TOKENS = TokenSettings(jwt_secret=SecretStr("a-secret-of-the-tests-and-of-nothing-else"))
OWNER = f"Bearer {issue_token(TOKENS, user='owner-1', role='owner', lifetime_s=3600)}"
USER = f"Bearer {issue_token(TOKENS, user='u-17', role='user', lifetime_s=3600)}"
ENDED = f"Bearer {issue_token(TOKENS, user='owner-1', role='owner', lifetime_s=-1)}"


@pytest.fixture
async def handler() -> AsyncIterator[CommandHandler]:
    """A handler whose database cannot be reached: whatever is answered here was answered without it."""
    engine = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    yield CommandHandler(Changes(engine, command_s=30, timeout_s=5), tokens=TokenVerifier(TOKENS))
    await engine.dispose()


def delivery(content: BaseModel | InvalidMessage | None = None, **changed: Any) -> Delivery:
    given: dict[str, Any] = {
        "content": content or ConfigCommand(command()),
        "type": "config.command.v1",
        "message_id": uuid4(),
        "sent_at": datetime.now(UTC),
        "sender": "owner",
        "reply_to": "lotwise.reply.owner.1",
        "correlation_id": "x",
        "attempt": 0,
        "redelivered": False,
        "authorization": OWNER,
        "trace": {},
    }
    return Delivery(**given | changed)


async def outcome_of(handler: CommandHandler, given: Delivery) -> Outcome:
    (outcome,) = await handler([given])
    return outcome


def answer(outcome: Outcome) -> ConfigResult:
    assert isinstance(outcome, Ack | Park)
    assert outcome.reply is not None
    read = decode(outcome.reply.type, outcome.reply.body, frozenset({"config.result.v1"}))
    assert isinstance(read, ConfigResult)
    return read


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param({"sender": None}, "unauthorized", id="no verified sender"),
        pytest.param({"authorization": None}, "unauthorized", id="no token"),
        pytest.param({"authorization": "Basic b3duZXI="}, "unauthorized", id="another scheme"),
        pytest.param({"authorization": "Bearer nonsense"}, "unauthorized", id="no real token"),
        pytest.param({"authorization": ENDED}, "unauthorized", id="a token that has ended"),
        pytest.param({"authorization": USER}, "forbidden", id="a user"),
        pytest.param({"authorization": USER, "sent_at": None}, "forbidden", id="a user, without a timestamp"),
    ],
)
async def test_who_may_not_turn_the_dial_is_answered_and_nothing_is_parked(
    handler: CommandHandler, changed: dict[str, Any], code: str
) -> None:
    outcome = await outcome_of(handler, delivery(**changed))

    assert isinstance(outcome, Ack)
    result = answer(outcome)
    assert (result.command_id, result.status, [reason.code for reason in result.reasons]) == ("c-1", "rejected", [code])


async def test_a_command_without_a_timestamp_is_parked_because_its_age_cannot_be_told(handler: CommandHandler) -> None:
    outcome = await outcome_of(handler, delivery(sent_at=None))

    assert isinstance(outcome, Park)
    assert outcome.reason == "invalid_message"
    assert [reason.field for reason in answer(outcome).reasons] == ["timestamp"]


async def test_a_command_out_of_range_names_every_wrong_field(handler: CommandHandler) -> None:
    outcome = await outcome_of(handler, delivery(ConfigCommand(splits("0.5", "0.4", "-0.1"))))

    assert isinstance(outcome, Ack)
    assert [(reason.code, reason.field) for reason in answer(outcome).reasons] == [
        ("out_of_range", "entry_splits.entry_3_percent"),
        ("out_of_range", "entry_splits"),
    ]


@pytest.mark.parametrize(
    ("body", "command_id", "fields"),
    [
        (b'{"command_id":"c-9","command":"set_risk_percent","x":1}', "c-9", ["new_risk_percent", "x"]),
        (b'{"command_id":"c-9","command":"set_risk"}', "c-9", ["command"]),
        (b'{"command_id":"c-9"}', "c-9", ["command"]),
        (b'{"command_id":9,"command":"set_margin_buffer","margin_buffer_percent":"NaN"}', None, None),
        (b'{"command_id":"\\ud800","command":"set_risk_percent","new_risk_percent":"2"}', None, ["command_id"]),
        (b"[]", None, [None]),
        (b"", None, [None]),
    ],
)
async def test_what_cannot_be_read_is_parked_and_answered_with_every_wrong_field(
    handler: CommandHandler, body: bytes, command_id: str | None, fields: list[str | None] | None
) -> None:
    content = decode("config.command.v1", body, frozenset({"config.command.v1"}))

    outcome = await outcome_of(handler, delivery(content))

    assert isinstance(outcome, Park)
    result = answer(outcome)
    assert result.command_id == command_id
    assert {reason.code for reason in result.reasons} == {"invalid_message"}
    assert [reason.field for reason in result.reasons] == (fields or ["command_id", "margin_buffer_percent"])


async def test_commands_are_answered_in_their_order(handler: CommandHandler) -> None:
    ids = [f"c-{number}" for number in range(5)]

    outcomes = await handler([delivery(ConfigCommand(command(command_id=each, new_risk_percent="51"))) for each in ids])

    assert [answer(outcome).command_id for outcome in outcomes] == ids


async def test_an_outcome_holds_nothing_of_the_token(handler: CommandHandler) -> None:
    outcomes = [
        await outcome_of(handler, delivery(authorization=USER)),
        await outcome_of(handler, delivery(sent_at=None)),
    ]

    assert USER.removeprefix("Bearer ") not in repr(outcomes)
    assert OWNER.removeprefix("Bearer ") not in repr(outcomes)
