"""The AsyncAPI 3.0 document, made from the schemas, the topology, the traffic and the examples; nothing by hand."""

from __future__ import annotations

from typing import Any

from shared import __version__
from shared.contracts.channels import channels, operations
from shared.contracts.envelopes import message_object
from shared.contracts.json_schemas import schema_components
from shared.contracts.traffic import PARTIES
from shared.messaging.delivery import CONTENT_TYPE
from shared.schemas.decoding import BODY_BYTES_MAX, SCHEMAS

_DESCRIPTION = (
    "How many lots, on this account, right now: asked and answered over RabbitMQ.\n\n"
    f"Every message is persistent JSON of at most {BODY_BYTES_MAX // 1024} KiB. Its `type` names its schema and"
    ' version; a published version never changes. Decimals travel as strings (`"1950.25"`); a JSON number is accepted'
    " too. Times are RFC 3339 in UTC. Unknown fields are refused. Messages are delivered at least once and take effect"
    " once."
)


def asyncapi_document() -> dict[str, Any]:
    """The whole document, the operations of every party in it, told apart by their tags."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:lotwise:messages",
        "info": {
            "title": "Lotwise",
            "version": __version__,
            "description": _DESCRIPTION,
            "tags": [{"name": party.name, "description": f"{party.title}. {party.about}"} for party in PARTIES],
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {"broker": _server()},
        "channels": channels(),
        "operations": operations(),
        "components": {
            **_messages(),
            "correlationIds": {
                "correlation": {
                    "location": "$message.header#/correlation_id",
                    "description": "The AMQP property `correlation_id`; where the request has none, its `message_id`.",
                }
            },
            "securitySchemes": {
                "user": {
                    "type": "userPassword",
                    "description": "A broker user of the party's role: `lotwise users` makes one for each.",
                }
            },
        },
    }


def _server() -> dict[str, Any]:
    return {
        "host": "{host}",
        "pathname": "/{virtual_host}",
        "protocol": "amqp",
        "protocolVersion": "0-9-1",
        "description": "RabbitMQ, 3.10 or later; by TLS (`amqps`) where the operator has set it up.",
        "variables": {
            "host": {"default": "localhost:5672", "description": "Host and port."},
            "virtual_host": {"default": "lotwise"},
        },
        "security": [{"$ref": "#/components/securitySchemes/user"}],
    }


def _messages() -> dict[str, Any]:
    prefix = "#/components/schemas/"
    parts, schemas = schema_components(prefix)
    messages = {
        name: message_object(name, {"$ref": prefix + parts[name]}, schemas[parts[name]]["description"])
        for name in SCHEMAS
    }
    return {"messages": messages, "schemas": schemas}
