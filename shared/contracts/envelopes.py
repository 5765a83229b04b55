"""What a message travels with: its AMQP properties and headers, and the message as AsyncAPI's Message Object.

AsyncAPI has no place for AMQP's properties (`headers` are the application's own), so they stand in an extension,
`x-amqp-properties`, as a JSON Schema.
"""

from __future__ import annotations

from typing import Any

from shared.contracts.examples import all_examples
from shared.contracts.traffic import LINES, is_sent_to_us
from shared.messaging.delivery import CARRIED_HEADERS, CONTENT_TYPE
from shared.messaging.topology import DIRECT_REPLY_TO, REPLY_QUEUE_PREFIX
from shared.schemas.config import ConfigCommand
from shared.schemas.decoding import schema_name

Schema = dict[str, Any]

PROPERTIES = "x-amqp-properties"
BINDING_VERSION = "0.3.0"
PERSISTENT = 2

_COMMAND = schema_name(ConfigCommand)
_ASKING = {line.message for line in LINES if line.reply}


def message_object(message: str, payload: Schema, description: str) -> Schema:
    """A message whose body is `payload`; what is said of it comes from its schema's `description`."""
    summary, _, more = description.removeprefix(f"`{message}`").lstrip(":, ").partition("\n\n")
    return {
        "name": message,
        "title": message,
        "summary": summary[:1].upper() + summary[1:],
        **({"description": more} if more else {}),
        "contentType": CONTENT_TYPE,
        "headers": _headers(message),
        "payload": payload,
        "correlationId": {"$ref": "#/components/correlationIds/correlation"},
        "bindings": {"amqp": {"messageType": message, "bindingVersion": BINDING_VERSION}},
        "examples": [
            {"name": f"{message}.{variant}" if variant else message, "payload": body}
            for variant, body in all_examples()[message].items()
        ],
        PROPERTIES: _properties(message),
    }


def _headers(message: str) -> Schema:
    carried = {
        "traceparent": {"type": "string", "description": "W3C trace context; carried into replies and events."},
        "tracestate": {"type": "string", "description": "Likewise."},
    }
    headers: Schema = {"type": "object", "properties": {name: carried[name] for name in CARRIED_HEADERS}}
    if message == _COMMAND:
        token = {"type": "string", "pattern": "^Bearer .+$", "description": "The owner's JSON Web Token."}
        headers |= {"properties": {"authorization": token, **headers["properties"]}, "required": ["authorization"]}
    return headers


def _properties(message: str) -> Schema:
    required = ["content_type", "type", "message_id", "timestamp", "delivery_mode"]
    properties: Schema = {
        "content_type": {"const": CONTENT_TYPE},
        "type": {"const": message},
        "message_id": {
            "type": "string",
            "format": "uuid",
            "description": "Names the message for ever; one that is sent again keeps it.",
        },
        "timestamp": {"type": "integer", "description": "When it was sent, in seconds since 1970, UTC."},
        "delivery_mode": {"const": PERSISTENT, "description": "Persistent."},
        "user_id": {
            "type": "string",
            "description": "The user of the sender's connection; the broker refuses any other.",
        },
        "correlation_id": {"type": "string", "description": "The sender's own; carried into replies and events."},
    }
    if message in _ASKING:
        properties["reply_to"] = _reply_to()
    if message == _COMMAND:
        required.append("user_id")
    if is_sent_to_us(message):
        properties["expiration"] = {"not": {}, "description": "Left out: what expires is parked, and never answered."}
    return {"type": "object", "properties": properties, "required": required}


def _reply_to() -> Schema:
    direct, prefix = (name.replace(".", r"\.") for name in (DIRECT_REPLY_TO, REPLY_QUEUE_PREFIX))
    return {
        "type": "string",
        "pattern": rf"^({direct}|{prefix}\..+)$",
        "description": f"Where the reply goes: `{DIRECT_REPLY_TO}`, or a queue `{REPLY_QUEUE_PREFIX}.USER.…` of the"
        " sender, whose `user_id` must then be given. Any other is refused. Without it there is no reply.",
    }
