"""The message properties that the contract asks of those who send, made from the message itself."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from shared.messaging.publisher import Outgoing
from shared.messaging.topology import (
    ACCOUNTS,
    CONFIG,
    KEY_CONFIG_COMMAND,
    KEY_INSTRUMENTS,
    KEY_SIZING_OUTCOME,
    KEY_SIZING_REQUEST,
    KEY_SNAPSHOT,
    SIZING,
)
from shared.schemas.config import AnyCommand, ConfigCommand
from shared.schemas.decoding import schema_name

if TYPE_CHECKING:
    from shared.schemas.account import AccountInstruments, AccountSnapshot
    from shared.schemas.sizing import SizingOutcome, SizingRequest

_MESSAGES = UUID("6f9d3c52-5b0e-4c63-9a37-2c8f5a0f1e77")
"""Namespace of the message ids that are derived from what the message says."""


def snapshot_message(snapshot: AccountSnapshot) -> Outgoing:
    """A snapshot as it is published. The same snapshot again is the same message."""
    return _derived(ACCOUNTS, KEY_SNAPSHOT, schema_name(snapshot), snapshot.to_json())


def instruments_message(instruments: AccountInstruments) -> Outgoing:
    """An account's instruments as they are published. The same again are the same message."""
    return _derived(ACCOUNTS, KEY_INSTRUMENTS, schema_name(instruments), instruments.to_json())


def request_message(request: SizingRequest) -> Outgoing:
    """A sizing request, named by its `request_id` however often it is sent."""
    return Outgoing(
        SIZING, KEY_SIZING_REQUEST, request.to_json(), schema_name(request), message_id=str(request.request_id)
    )


def outcome_message(outcome: SizingOutcome) -> Outgoing:
    """What became of a setup. The same outcome again is the same message."""
    return _derived(SIZING, KEY_SIZING_OUTCOME, schema_name(outcome), outcome.to_json())


def command_message(command: AnyCommand, *, token: str) -> Outgoing:
    """A command to the configuration, named by its `command_id`, under the owner's token."""
    return Outgoing(
        CONFIG,
        KEY_CONFIG_COMMAND,
        command.to_json(),
        schema_name(ConfigCommand),
        message_id=str(uuid5(_MESSAGES, command.command_id)),
        headers={"authorization": f"Bearer {token}"},
    )


def _derived(exchange: str, routing_key: str, name: str, body: bytes) -> Outgoing:
    message_id = uuid5(_MESSAGES, f"{name} {body.decode()}")
    return Outgoing(exchange, routing_key, body, name, message_id=str(message_id))
