"""The AsyncAPI document as a page for people: who sends what to whom, each message with its fields and examples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from services.config_service.documents.fields import Field, Table, kind, tables

Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Way:
    """How a message travels: who sends it where, who receives it from there, and what comes back."""

    message: str
    senders: tuple[str, ...]
    exchange: str
    routing_key: str
    queue: str
    receivers: tuple[str, ...]
    about: str
    reply: str


@dataclass(frozen=True, slots=True)
class MessagePart:
    """One message, as the page shows it."""

    name: str
    summary: str
    description: str
    ways: tuple[Way, ...]
    properties: tuple[Field, ...]
    headers: tuple[Field, ...]
    bodies: tuple[Table, ...]
    examples: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class QueuePart:
    """One queue: where its messages come from, and what it is declared with."""

    name: str
    about: str
    bindings: tuple[str, ...]
    arguments: tuple[str, ...]


def page_context(document: Node) -> Node:
    """What the template shows of an AsyncAPI document."""
    ways = tuple(_ways(document))
    schemas = document["components"]["schemas"]
    return {
        "info": document["info"],
        "ways": ways,
        "messages": [_message(message, ways, schemas) for message in document["components"]["messages"].values()],
        "queues": [_queue(channel) for channel in document["channels"].values() if _amqp(channel)["is"] == "queue"],
    }


def prose(text: str) -> Markup:
    """Text with `code` in it as HTML, a paragraph for each of its own."""
    paragraphs = (_with_code(paragraph) for paragraph in text.split("\n\n") if paragraph)
    return Markup("").join(Markup("<p>{}</p>").format(paragraph) for paragraph in paragraphs)


def _with_code(text: str) -> Markup:
    pieces = (
        Markup("<code>{}</code>").format(piece) if at % 2 else escape(piece) for at, piece in enumerate(text.split("`"))
    )
    return Markup("").join(pieces)


def _ways(document: Node) -> Iterator[Way]:
    """Every routing key that somebody sends to, and every reply to what goes there."""
    channels, operations = document["channels"], document["operations"].values()
    for key, channel in channels.items():
        sent = [operation for operation in operations if _is_sent_to(operation, key)]
        for message in channel["messages"] if sent else ():
            received = [operation for operation in operations if _receives(operation, message, channels, key)]
            queues = {operation["channel"]["$ref"].rpartition("/")[2] for operation in received} - {key}
            yield Way(
                message=message,
                senders=_parties(sent),
                exchange=_amqp(channel)["exchange"]["name"],
                routing_key=channel["address"] or "",
                queue=", ".join(queues),
                receivers=_parties(received),
                about=channel["summary"],
                reply=_reply(sent[0]),
            )


def _is_sent_to(operation: Node, key: str) -> bool:
    return bool(operation["action"] == "send" and operation["channel"]["$ref"] == f"#/channels/{key}")


def _receives(operation: Node, message: str, channels: Node, key: str) -> bool:
    """Whether it takes that message from the routing key's own channel, or from the queue that is bound to it."""
    if operation["action"] != "receive" or "messages" not in operation:
        return False
    taken_from = operation["channel"]["$ref"].rpartition("/")[2]
    bound = {binding["routing_key"] for binding in _amqp(channels[taken_from]).get("x-bindings", [])}
    names = {reference["$ref"].rpartition("/")[2] for reference in operation["messages"]}
    return message in names and (taken_from == key or channels[key]["address"] in bound)


def _reply(operation: Node) -> str:
    return str(operation["reply"]["messages"][0]["$ref"].rpartition("/")[2]) if "reply" in operation else ""


def _parties(operations: list[Node]) -> tuple[str, ...]:
    return tuple(operation["tags"][0]["name"] for operation in operations)


def _message(message: Node, ways: tuple[Way, ...], schemas: Node) -> MessagePart:
    body = schemas[message["payload"]["$ref"].rpartition("/")[2]]
    return MessagePart(
        name=message["name"],
        summary=message["summary"],
        description=message.get("description", ""),
        ways=tuple(way for way in ways if message["name"] in (way.message, way.reply)),
        properties=_described(message["x-amqp-properties"]),
        headers=_described(message["headers"]),
        bodies=tuple(tables(body, schemas)),
        examples=tuple(
            (one["name"], json.dumps(one["payload"], indent=2, ensure_ascii=False)) for one in message["examples"]
        ),
    )


def _described(schema: Node) -> tuple[Field, ...]:
    """Properties or headers, with what is said of each as its note."""
    return tuple(
        Field(name, kind(inner, {}), name in schema.get("required", []), inner.get("description", ""))
        for name, inner in schema["properties"].items()
    )


def _queue(channel: Node) -> QueuePart:
    binding = _amqp(channel)
    return QueuePart(
        name=channel["address"],
        about=channel["summary"],
        bindings=tuple(f"{bound['exchange']} · {bound['routing_key']}" for bound in binding["x-bindings"]),
        arguments=tuple(f"{name}: {json.dumps(value)}" for name, value in binding["x-arguments"].items()),
    )


def _amqp(channel: Node) -> Node:
    binding: Node = channel["bindings"]["amqp"]
    return binding
