"""The whole of a virtual host as RabbitMQ's definitions: topology, users and permissions in one document.

A broker takes it at start (`load_definitions`), or by the management API's `/api/definitions`. Taking it adds and
updates; nothing is removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.messaging.permissions import permission_rows
from shared.messaging.topology import BINDINGS, EXCHANGES, QUEUES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Definitions = dict[str, list[dict[str, Any]]]


def definitions(
    virtual_host: str, *, users: Mapping[str, str], user_rows: Sequence[Mapping[str, str]] = ()
) -> Definitions:
    """A virtual host with everything in it, and what the user that `users` names for each role may do there.

    Where `users` is empty, nobody may do anything yet. `user_rows` are users to be made, by `permissions.user_row`: to
    a permission of a user whom it does not know, the broker says no.
    """
    return {
        "users": [dict(row) for row in user_rows],
        "vhosts": [{"name": virtual_host}],
        **(
            permission_rows(users, virtual_host=virtual_host) if users else {"permissions": [], "topic_permissions": []}
        ),
        **topology_rows(virtual_host),
    }


def topology_rows(virtual_host: str) -> Definitions:
    """Every exchange, queue and binding of `shared.messaging.topology`, in a virtual host."""
    durable = {"vhost": virtual_host, "durable": True, "auto_delete": False}
    return {
        "exchanges": [
            {"name": exchange.name, "type": exchange.type, **durable, "internal": False, "arguments": {}}
            for exchange in EXCHANGES
        ],
        "queues": [{"name": queue.name, **durable, "arguments": dict(queue.arguments)} for queue in QUEUES],
        "bindings": [
            {
                "vhost": virtual_host,
                "source": binding.exchange,
                "routing_key": binding.routing_key,
                "destination": binding.queue,
                "destination_type": "queue",
                "arguments": {},
            }
            for binding in BINDINGS
        ],
    }
