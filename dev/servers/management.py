"""RabbitMQ's management API, as far as vhosts, users and definitions go."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import httpx

if TYPE_CHECKING:
    from ssl import SSLContext
    from types import TracebackType

TIMEOUT_S = 60.0
"""A broker on a busy machine takes its time over the definitions of a virtual host."""
PROBE_TIMEOUT_S = 5.0
GONE = 404


class ManagementError(Exception):
    """The management API did not answer, or refused; the message says which call and why."""


@dataclass(frozen=True, slots=True)
class PeekedMessage:
    """A message that waits in a queue."""

    message_id: str | None
    user_id: str | None
    headers: dict[str, Any]
    body: str


class Management:
    """A client of one broker's management API; `api_url` holds the credentials: http://user:password@host:port."""

    def __init__(self, api_url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(api_url)
        self._where = f"{parts.hostname}:{parts.port}"
        self._client = httpx.Client(
            base_url=urlunsplit(
                (parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/") + "/api/", "", "")
            ),
            auth=(unquote(parts.username or ""), unquote(parts.password or "")),
            timeout=timeout_s,
            trust_env=False,
            verify=_trusted(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client is of no use afterwards."""
        self._client.close()

    def whoami_tags(self) -> list[str]:
        """Return the tags of the user of these credentials."""
        tags: str | list[str] = self._call("GET", "whoami").json()["tags"]
        return tags.split(",") if isinstance(tags, str) else tags  # 3.8 and before: one string

    def version(self) -> str:
        """Return the broker's version."""
        version: str = self._call("GET", "overview?columns=rabbitmq_version").json()["rabbitmq_version"]
        return version

    def vhosts(self) -> set[str]:
        """Return the names of all vhosts."""
        return {vhost["name"] for vhost in self._call("GET", "vhosts?columns=name").json()}

    def create_vhost(self, name: str) -> None:
        """Make a vhost."""
        self._call("PUT", f"vhosts/{quote(name, safe='')}", json={})

    def delete_vhost(self, name: str) -> None:
        """Remove a vhost with everything in it; nothing happens where it is gone."""
        self._call("DELETE", f"vhosts/{quote(name, safe='')}", accept=GONE)

    def delete_user(self, name: str) -> None:
        """Remove a user; nothing happens where it is gone."""
        self._call("DELETE", f"users/{quote(name, safe='')}", accept=GONE)

    def users(self) -> set[str]:
        """Return the names of all users."""
        return {user["name"] for user in self._call("GET", "users?columns=name").json()}

    def export(self, vhost: str) -> dict[str, Any]:
        """Return the queues, exchanges, bindings and policies of a vhost."""
        definitions: dict[str, Any] = self._call("GET", f"definitions/{quote(vhost, safe='')}").json()
        return definitions

    def load(self, definitions: dict[str, Any], *, vhost: str | None = None) -> None:
        """Add definitions: to one vhost, or, with users and permissions, to the broker."""
        self._call("POST", "definitions" if vhost is None else f"definitions/{quote(vhost, safe='')}", json=definitions)

    def delete_exchange(self, vhost: str, exchange: str) -> None:
        """Remove an exchange, and with it every binding to it."""
        self._call("DELETE", f"exchanges/{quote(vhost, safe='')}/{quote(exchange, safe='')}")

    def peek(self, vhost: str, queue: str, *, most: int = 1000) -> list[PeekedMessage]:
        """Return what waits in a queue, at most `most` messages, and leave it there. Each look is a delivery."""
        path = f"queues/{quote(vhost, safe='')}/{quote(queue, safe='')}/get"
        body = {"count": most, "ackmode": "ack_requeue_true", "encoding": "auto"}
        return [
            PeekedMessage(
                message["properties"].get("message_id"),
                message["properties"].get("user_id"),
                message["properties"].get("headers", {}),
                message["payload"],
            )
            for message in self._call("POST", path, json=body).json()
        ]

    def _call(self, method: str, path: str, *, json: object = None, accept: int | None = None) -> httpx.Response:
        try:
            answer = self._client.request(method, path, json=json)
        except httpx.HTTPError as error:
            raise ManagementError(f"{self._where} does not answer: {str(error) or type(error).__name__}") from error
        if answer.is_error and answer.status_code != accept:
            raise ManagementError(f"{self._where} answered {method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer


@cache
def _trusted() -> SSLContext:
    """What every client would read anew, in 19 ms."""
    return httpx.create_ssl_context(trust_env=False)
