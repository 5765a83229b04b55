"""The broker's users as data: what each role of `shared.messaging.topology` may do, in RabbitMQ's own documents.

A document of these goes to the management API's `/api/definitions`, or into a file that the broker loads. Loading adds
and updates; it takes nothing away.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from shared.messaging.topology import EXCHANGES, ROLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    Rows = list[dict[str, str]]

SALT_BYTES = 4


def user_row(name: str, password: str, *, salt: bytes, tags: str = "") -> dict[str, str]:
    """A user by the hash of its password; `salt` is SALT_BYTES random ones. Without tags it may not use the API."""
    return {
        "name": name,
        "password_hash": password_hash(password, salt=salt),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": tags,
    }


def password_hash(password: str, *, salt: bytes) -> str:
    """A password as RabbitMQ stores it: base64 of the salt and the SHA-256 of salt and password."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def permission_rows(users: Mapping[str, str], *, virtual_host: str) -> dict[str, Rows]:
    """The `permissions` and `topic_permissions` in a virtual host of the user that `users` names for each role.

    Every role has a row for every topic exchange: without one the broker holds it to no key. A queue and an exchange of
    the same name share one permission, so that who consumes a queue could bind another to its exchange, but for the
    row.
    """
    return {
        "permissions": [
            {"user": users[role.name], "vhost": virtual_host, **role.permissions(users[role.name])} for role in ROLES
        ],
        "topic_permissions": [
            {"user": users[role.name], "vhost": virtual_host, "exchange": exchange.name, **role.topics(exchange.name)}
            for role in ROLES
            for exchange in EXCHANGES
            if exchange.type == "topic"
        ],
    }
