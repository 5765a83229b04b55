"""The AsyncAPI document: the published one, valid, whole, and true of the topology and of the rights on the broker."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from shared.contracts.asyncapi import asyncapi_document
from shared.contracts.traffic import LINES, PARTIES
from shared.messaging.topology import BINDINGS, CONFIG_CHANGED, EXCHANGES, QUEUES, ROLES, WORK_QUEUES
from tests.contract.published import DOCS, assert_published

SPECIFICATION = Path(__file__).parent / "asyncapi_3_0_0" / "schema.json"
DOCUMENT = asyncapi_document()
OPERATIONS = DOCUMENT["operations"]


def at(reference: dict[str, str]) -> Any:
    """What a reference leads to."""
    node: Any = DOCUMENT
    for step in reference["$ref"].removeprefix("#/").split("/"):
        node = node[step]
    return node


def references(node: Any) -> Iterator[dict[str, str]]:
    """Every reference in the document."""
    if isinstance(node, dict) and "$ref" in node:
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(inner)


def test_the_published_document_is_the_generated_one() -> None:
    assert_published(DOCS / "asyncapi.json", DOCUMENT, by="lotwise asyncapi --output docs/asyncapi.json")


def test_it_is_an_asyncapi_document() -> None:
    validator = jsonschema_rs.validator_for(json.loads(SPECIFICATION.read_bytes()))

    assert [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(DOCUMENT)] == []


def test_the_specification_would_refuse_another() -> None:
    validator = jsonschema_rs.validator_for(json.loads(SPECIFICATION.read_bytes()))
    operation = {**OPERATIONS["owner.send.config.command"], "action": "shout"}

    assert not validator.is_valid({**DOCUMENT, "operations": {"owner.shout": operation}})


def test_every_reference_leads_somewhere() -> None:
    assert all(at(reference) for reference in references(DOCUMENT))


def test_an_operation_names_messages_of_its_channel_only() -> None:
    for name, operation in OPERATIONS.items():
        for part in filter(None, [operation, operation.get("reply")]):
            for message in part.get("messages", []):
                assert message["$ref"].startswith(f"{part['channel']['$ref']}/messages/"), name


def test_every_message_has_an_operation_or_is_a_reply() -> None:
    parts = [part for operation in OPERATIONS.values() for part in (operation, operation.get("reply", {}))]
    named = {at(at(message))["name"] for part in parts for message in part.get("messages", [])}

    assert named == set(DOCUMENT["components"]["messages"])


@pytest.mark.parametrize("message", DOCUMENT["components"]["messages"])
def test_every_example_is_what_the_document_says_of_its_message(message: str) -> None:
    described = DOCUMENT["components"]["messages"][message]
    validator = jsonschema_rs.validator_for({**described["payload"], "components": DOCUMENT["components"]})

    assert described["examples"]
    for example in described["examples"]:
        validator.validate(example["payload"])


def test_every_party_has_operations_and_every_operation_a_party() -> None:
    assert {tag["name"] for operation in OPERATIONS.values() for tag in operation["tags"]} == {
        party.name for party in PARTIES
    }


def test_all_of_the_topology_is_in_it() -> None:
    bindings = [channel["bindings"]["amqp"] for channel in DOCUMENT["channels"].values()]
    queues = {binding["queue"]["name"]: binding for binding in bindings if binding["is"] == "queue"}
    exchanges = {binding["exchange"]["name"] for binding in bindings if binding["is"] == "routingKey"}
    bound = {(there["exchange"], there["routing_key"], name) for name in queues for there in queues[name]["x-bindings"]}

    assert {name: binding["x-arguments"] for name, binding in queues.items()} == {q.name: q.arguments for q in QUEUES}
    assert bound == {(binding.exchange, binding.routing_key, binding.queue) for binding in BINDINGS}
    assert exchanges - {""} | {exchange for exchange, _, _ in bound} == {exchange.name for exchange in EXCHANGES}


def test_what_goes_to_a_work_queue_goes_there_by_a_binding() -> None:
    lines = {(line.exchange, line.routing_key, line.queue) for line in LINES if line.queue}
    work_queues = {queue.name for queue in WORK_QUEUES}
    topics = {exchange.name for exchange in EXCHANGES if exchange.type == "topic"}

    assert lines == {
        (bound.exchange, bound.routing_key, bound.queue)
        for bound in BINDINGS
        if bound.queue in work_queues and bound.exchange in topics
    }


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_role_may_send_exactly_what_the_document_says(role: Any) -> None:
    topics = {exchange.name for exchange in EXCHANGES if exchange.type == "topic"}
    for line in (line for line in LINES if line.exchange in topics):
        allowed = re.search(role.topics(line.exchange)["write"], line.routing_key) is not None

        assert allowed == (role.name in line.senders), line.name


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_who_receives_a_message_may_read_where_it_is(line: Any) -> None:
    for role in (role for role in ROLES if role.name in line.receivers):
        queue = line.queue or f"{CONFIG_CHANGED}.instance"

        assert re.search(role.permissions("user")["read"], queue)
