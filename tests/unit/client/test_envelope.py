"""The message properties that the contract asks of those who send."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from shared.client.envelope import (
    command_message,
    instruments_message,
    outcome_message,
    request_message,
    snapshot_message,
)
from shared.messaging.publisher import Outgoing
from shared.schemas.account import AccountInstruments, AccountSnapshot, InstrumentsAccount, SnapshotAccount
from shared.schemas.config import SetRiskPercent
from shared.schemas.decoding import InvalidMessage, decode
from shared.schemas.sizing import Entry, SizingOutcome, SizingRequest

AT = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
REQUEST_ID = UUID("8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10")

SNAPSHOT = AccountSnapshot(
    user_id="u-17",
    account=SnapshotAccount(
        login=590338389, server="FxPro-MT5 Demo", broker="FxPro", currency="GBP", leverage=100, is_demo=True
    ),
    balance=Decimal("50000.00"),
    equity=Decimal("48500.00"),
    margin_used=Decimal("5000.00"),
    margin_free=Decimal("43500.00"),
    open_positions_count=3,
    total_positions_volume=Decimal("2.50"),
    captured_at=AT,
)
INSTRUMENTS = AccountInstruments(
    user_id="u-17",
    account=InstrumentsAccount(login=590338389, server="FxPro-MT5 Demo", currency="GBP", leverage=100),
    captured_at=AT,
    instruments=({"instrument": "XAUUSD"},),
)
REQUEST = SizingRequest(
    request_id=REQUEST_ID,
    user_id="u-17",
    setup_id="setup-001",
    instrument="XAUUSD",
    side="buy",
    entries=(Entry(entry_price=Decimal("1950.00"), stop_loss=Decimal("1945.00")),),
    conversion_rates={},
)
OUTCOME = SizingOutcome(request_id=REQUEST_ID, outcome="executed", occurred_at=AT)
COMMAND = SetRiskPercent(command_id="c-1", command="set_risk_percent", new_risk_percent=Decimal("2.5"), reason="NFP")

MESSAGES = [
    (snapshot_message(SNAPSHOT), "lotwise.accounts", "account.snapshot"),
    (instruments_message(INSTRUMENTS), "lotwise.accounts", "account.instruments"),
    (request_message(REQUEST), "lotwise.sizing", "sizing.request"),
    (outcome_message(OUTCOME), "lotwise.sizing", "sizing.outcome"),
    (command_message(COMMAND, token="t"), "lotwise.config", "config.command"),
]


@pytest.mark.parametrize(("message", "exchange", "routing_key"), MESSAGES)
def test_a_message_goes_where_its_consumer_listens(message: Outgoing, exchange: str, routing_key: str) -> None:
    assert (message.exchange, message.routing_key, message.mandatory) == (exchange, routing_key, True)


@pytest.mark.parametrize(("message", "_exchange", "routing_key"), MESSAGES)
def test_a_message_is_readable_under_its_type(message: Outgoing, _exchange: str, routing_key: str) -> None:
    assert message.type == f"{routing_key}.v1"
    assert not isinstance(decode(message.type, message.body, frozenset({f"{routing_key}.v1"})), InvalidMessage)


@pytest.mark.parametrize(("message", "_exchange", "_routing_key"), MESSAGES)
def test_a_message_is_published_as_the_contract_says(message: Outgoing, _exchange: str, _routing_key: str) -> None:
    published = message.publication("signal-engine").properties
    assert published.content_type == "application/json"
    assert published.delivery_mode == 2
    assert str(UUID(published.message_id or "")) == published.message_id
    assert published.timestamp is not None
    assert published.user_id == "signal-engine"
    assert published.expiration is None


def test_a_request_is_named_by_its_request_id() -> None:
    assert request_message(REQUEST).message_id == str(REQUEST_ID)


def test_what_is_sent_again_keeps_its_name() -> None:
    again = SNAPSHOT.model_copy()
    assert snapshot_message(again).message_id == snapshot_message(SNAPSHOT).message_id
    assert outcome_message(OUTCOME.model_copy()).message_id == outcome_message(OUTCOME).message_id


def test_another_snapshot_has_another_name() -> None:
    later = SNAPSHOT.model_copy(update={"captured_at": AT.replace(second=1)})
    assert snapshot_message(later).message_id != snapshot_message(SNAPSHOT).message_id


def test_a_command_keeps_its_name_whatever_its_token() -> None:
    first, second = command_message(COMMAND, token="old"), command_message(COMMAND, token="new")
    assert first.message_id == second.message_id


def test_a_command_carries_the_owners_token_in_its_header_alone() -> None:
    message = command_message(COMMAND, token="the.owners.token")
    assert message.headers == {"authorization": "Bearer the.owners.token"}
    assert b"the.owners.token" not in message.body


def test_decimals_travel_as_strings() -> None:
    assert json.loads(command_message(COMMAND, token="t").body)["new_risk_percent"] == "2.5"
    assert json.loads(request_message(REQUEST).body)["entries"][0]["entry_price"] == "1950.00"
