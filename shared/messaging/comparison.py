"""How a running broker differs from `shared.messaging.topology`, as the management API shows it.

A passive declaration over AMQP sees names only; arguments and bindings are visible to the management API alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from shared.messaging.management import management_api
from shared.messaging.topology import (
    BINDINGS,
    CONFIG_CHANGED,
    DEFAULT_EXCHANGE,
    EVENTS,
    EXCHANGES,
    QUEUES,
    Arguments,
    Binding,
    Exchange,
    Queue,
    broadcast_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

ABSENT = "nothing"


@dataclass(frozen=True, slots=True)
class FoundExchange:
    """An exchange as the broker has it."""

    type: str
    durable: bool
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class FoundQueue:
    """A queue as the broker has it. Its type is among the arguments, as in its declaration."""

    durable: bool
    exclusive: bool
    auto_delete: bool
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class FoundBroker:
    """What stands in one virtual host. Bindings of exchanges to exchanges name the latter as `exchange NAME`."""

    exchanges: Mapping[str, FoundExchange]
    queues: Mapping[str, FoundQueue]
    bindings: frozenset[Binding]


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which the broker is not as it should be. `what` is empty for the thing as a whole."""

    kind: Literal["exchange", "queue", "binding"]
    name: str
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        if self.found == ABSENT and not self.what:
            return f"missing {self.kind}: {self.name}"
        if self.expected == ABSENT and not self.what:
            return f"unexpected {self.kind}: {self.name}"
        return f"{self.kind} {self.name}: {self.what}: expected {self.expected}, found {self.found}"


def differences(found: FoundBroker) -> list[Difference]:
    """Each difference from the topology, in its order. Only our own exchanges and queues are looked at."""
    return [
        *(one for exchange in EXCHANGES for one in _of_exchange(exchange, found.exchanges.get(exchange.name))),
        *(one for queue in QUEUES for one in _of_queue(queue, found.queues.get(queue.name))),
        *_of_bindings(found),
    ]


def _of_exchange(exchange: Exchange, found: FoundExchange | None) -> Iterator[Difference]:
    if found is None:
        yield Difference("exchange", exchange.name, "", "an exchange", ABSENT)
        return
    expected = {"type": exchange.type, "durable": True}
    yield from _of_values("exchange", exchange.name, expected, {"type": found.type, "durable": found.durable})
    yield from _of_values("exchange", exchange.name, {}, found.arguments)


def _of_queue(queue: Queue, found: FoundQueue | None) -> Iterator[Difference]:
    if found is None:
        yield Difference("queue", queue.name, "", "a queue", ABSENT)
        return
    expected = {"durable": True, "exclusive": False, "auto_delete": False}
    flags = {"durable": found.durable, "exclusive": found.exclusive, "auto_delete": found.auto_delete}
    yield from _of_values("queue", queue.name, expected, flags)
    yield from _of_values("queue", queue.name, queue.arguments, found.arguments)


def _of_values(
    kind: Literal["exchange", "queue"], name: str, expected: Mapping[str, object], found: Mapping[str, object]
) -> Iterator[Difference]:
    for what in (*expected, *(extra for extra in sorted(found) if extra not in expected)):
        wanted, stands = _shown(expected, what), _shown(found, what)
        if wanted != stands:
            yield Difference(kind, name, what, wanted, stands)


def _shown(values: Mapping[str, object], what: str) -> str:
    return json.dumps(values[what]) if what in values else ABSENT


def _of_bindings(found: FoundBroker) -> Iterator[Difference]:
    for binding in BINDINGS:
        if binding not in found.bindings:
            yield Difference("binding", _name(binding), "", "a binding", ABSENT)
    for binding in sorted(found.bindings - set(BINDINGS), key=_name):
        if _is_ours(binding) and not _is_free(binding):
            yield Difference("binding", _name(binding), "", ABSENT, "a binding")


def _is_ours(binding: Binding) -> bool:
    exchanges, queues = {exchange.name for exchange in EXCHANGES}, {queue.name for queue in QUEUES}
    # The broker itself binds every queue to the default exchange.
    return binding.exchange != DEFAULT_EXCHANGE and (binding.exchange in exchanges or binding.queue in queues)


def _is_free(binding: Binding) -> bool:
    """Whether the contract leaves the binding to others: who reads events, and each process's broadcast queue."""
    if binding.exchange == EVENTS:
        return binding.queue not in {queue.name for queue in QUEUES}
    return binding.exchange == CONFIG_CHANGED and binding.queue.startswith(broadcast_name(""))


def _name(binding: Binding) -> str:
    return f"{binding.exchange} -[{binding.routing_key}]-> {binding.queue}"


def read_broker(api_url: str, virtual_host: str) -> FoundBroker:
    """Ask the management API, `http://user:password@host:port`, what stands in `virtual_host`.

    Raises DependencyError where it does not answer, DeploymentError where it refuses us or lacks the virtual host.
    """
    with management_api(api_url, virtual_host=virtual_host, needs="monitoring, or administrator") as api:
        return _found({what: _rows(api, what, virtual_host) for what in ("exchanges", "queues", "bindings")})


def _rows(client: httpx.Client, what: str, virtual_host: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.get(f"/api/{what}/{quote(virtual_host, safe='')}").raise_for_status().json()
    return rows


def _found(rows: Mapping[str, list[dict[str, Any]]]) -> FoundBroker:
    return FoundBroker(
        exchanges={
            row["name"]: FoundExchange(row["type"], row["durable"], row["arguments"]) for row in rows["exchanges"]
        },
        queues={
            row["name"]: FoundQueue(row["durable"], bool(row["exclusive"]), row["auto_delete"], row["arguments"])
            for row in rows["queues"]
        },
        bindings=frozenset(Binding(row["source"], row["routing_key"], _destination(row)) for row in rows["bindings"]),
    )


def _destination(row: dict[str, Any]) -> str:
    name: str = row["destination"]
    return name if row["destination_type"] == "queue" else f"exchange {name}"
