"""What a handler says about a message. Values only: one module, `settlement`, turns them into AMQP, after the
commit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LogFields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """A body to send where the request asked for its reply; nothing is sent where it asked for none.

    `trace`: `traceparent` and `tracestate` to send with it; the request's own where that is None.
    """

    type: str
    body: bytes
    trace: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """News for dashboards and bots: best effort, unconfirmed, after the commit."""

    routing_key: str
    type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Ack:
    """Done. `log` are identifiers for the message's one log line."""

    reply: Reply | None = None
    events: tuple[Event, ...] = ()
    log: LogFields = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now: again after the next delay, or parked where there is none left."""

    reason: str
    log: LogFields = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Park:
    """Never: kept for the operator with its code. `detail` is a sentence for people, without a word of the body."""

    reason: str
    detail: str = ""
    reply: Reply | None = None
    events: tuple[Event, ...] = ()
    log: LogFields = field(default_factory=dict)


Outcome = Ack | Retry | Park
