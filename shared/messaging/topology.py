"""Every name and argument on the broker, as data: exchanges, queues, bindings, roles.

Nothing else in the project repeats a name or an argument written here. The operator's `lotwise topology` declares it
and compares it; the services only verify by name what they use. Portable between RabbitMQ 3.10 and 4.x: quorum queues,
arguments by declaration (never by policy), an explicit delivery limit everywhere (3.10 has none by default, 4.x 20).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

ACCOUNTS = "lotwise.accounts"
SIZING = "lotwise.sizing"
CONFIG = "lotwise.config"
CONFIG_CHANGED = "lotwise.config.changed"
EVENTS = "lotwise.events"
RETRY = "lotwise.retry"
DEAD = "lotwise.dead"
DEFAULT_EXCHANGE = ""

KEY_SNAPSHOT = "account.snapshot"
KEY_INSTRUMENTS = "account.instruments"
KEY_SIZING_REQUEST = "sizing.request"
KEY_SIZING_OUTCOME = "sizing.outcome"
KEY_CONFIG_COMMAND = "config.command"
KEY_SIZING_DECIDED = "sizing.decided"
KEY_ACCOUNT_REFUSED = "account.refused"
KEY_WORKER_STATE = "worker.state"
KEY_WORKER_LATENCY = "worker.latency"
KEY_SCHEDULE_ENDED = "schedule.ended"

DIRECT_REPLY_TO = "amq.rabbitmq.reply-to"
REPLY_QUEUE_PREFIX = "lotwise.reply"

WORK_DELIVERY_LIMIT = 20
"""Deliveries that a broker allows before it parks a message: a guard against messages that kill the process.
Failures of the handler are counted in a header of our own, see `HEADER_ATTEMPT`."""
PARKED_DELIVERY_LIMIT = 1_000_000
"""Looking at a parked message is a delivery too; RabbitMQ 4.x would drop it after 20 looks."""
PARKED_DAYS = 14
RETRY_DELAYS_S = (1, 5, 30)
"""Waits between the attempts at one message, in seconds; after the last it is parked. One queue a delay, because only
the head of a queue expires."""

HEADER_ATTEMPT = "x-lotwise-attempt"
HEADER_REASON = "x-lotwise-reason"
HEADER_DETAIL = "x-lotwise-detail"
HEADER_USER = "x-lotwise-user-id"
HEADER_DELIVERY_COUNT = "x-delivery-count"
"""The broker's own, of a quorum queue."""

ExchangeType = Literal["topic", "direct", "fanout"]
Arguments = dict[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    type: ExchangeType


@dataclass(frozen=True, slots=True)
class Binding:
    """`queue` receives what is published to `exchange` under `routing_key`."""

    exchange: str
    routing_key: str
    queue: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue and the arguments it is declared with. A changed argument is a new queue name."""

    name: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Role:
    """What one kind of broker user may do, as RabbitMQ's permission patterns; `{user}` stands for the user's own name.

    On each topic exchange, `topic_write` limits the routing keys that are published, `topic_read` those that a queue of
    the user's own is bound by.
    """

    name: str
    configure: str = ""
    write: str = ""
    read: str = ""
    topic_write: dict[str, str] = field(default_factory=dict)
    topic_read: dict[str, str] = field(default_factory=dict)

    def permissions(self, user: str) -> dict[str, str]:
        """The three anchored patterns for `user`, in the form of the management API."""
        patterns = {"configure": self.configure, "write": self.write, "read": self.read}
        name = re.escape(user)  # a dot in it is a dot, not any character
        return {kind: f"^({pattern.format(user=name)})$" if pattern else "^$" for kind, pattern in patterns.items()}

    def topics(self, exchange: str) -> dict[str, str]:
        """The patterns of the routing keys on a topic exchange, in the form of the management API."""
        return {"write": self.topic_write.get(exchange, "^$"), "read": self.topic_read.get(exchange, "^$")}


def parked_name(queue: str) -> str:
    """The queue where messages of `queue` are parked for the operator."""
    return f"{queue}.dead"


def retry_name(queue: str, delay_s: int) -> str:
    """The queue where messages of `queue` wait `delay_s` seconds."""
    return f"{queue}.retry.{delay_s}s"


def parked_lock_name(queue: str) -> str:
    """An exclusive queue that whoever looks through the parked messages of `queue` holds meanwhile."""
    return f"{parked_name(queue)}.operator"


def broadcast_name(instance: str) -> str:
    """The private broadcast queue of one process; `instance` is new with every connection."""
    return f"{CONFIG_CHANGED}.{instance}"


def reply_queue_name(user: str, instance: str) -> str:
    """A reply queue that a service will write to for requests of broker user `user`."""
    return f"{REPLY_QUEUE_PREFIX}.{user}.{instance}"


def is_allowed_reply_to(reply_to: str, sender: str | None) -> bool:
    """Whether a reply may be written to `reply_to` for a request whose broker-verified user is `sender`.

    Only direct reply-to or the sender's own reply queues; anything else would let a requester make a service write into
    a queue that the requester may not write to.
    """
    if reply_to.startswith(f"{DIRECT_REPLY_TO}."):
        return True
    return bool(sender) and reply_to.startswith(f"{REPLY_QUEUE_PREFIX}.{sender}.")


def _work_queue(name: str, **more: str | int | bool) -> Queue:
    return Queue(
        name,
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": WORK_DELIVERY_LIMIT,
            "x-dead-letter-exchange": DEAD,
            "x-dead-letter-routing-key": name,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
            **more,
        },
    )


def _retry_queue(name: str, delay_s: int) -> Queue:
    return Queue(
        retry_name(name, delay_s),
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": WORK_DELIVERY_LIMIT,
            "x-message-ttl": delay_s * 1000,
            "x-dead-letter-exchange": DEFAULT_EXCHANGE,
            "x-dead-letter-routing-key": name,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )


def _parked_queue(name: str) -> Queue:
    return Queue(
        parked_name(name),
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": PARKED_DELIVERY_LIMIT,
            "x-message-ttl": PARKED_DAYS * 86_400_000,
        },
    )


EXCHANGES = (
    Exchange(ACCOUNTS, "topic"),
    Exchange(SIZING, "topic"),
    Exchange(CONFIG, "topic"),
    Exchange(CONFIG_CHANGED, "fanout"),
    Exchange(EVENTS, "topic"),
    Exchange(RETRY, "direct"),
    Exchange(DEAD, "direct"),
)

WORK_QUEUES = (
    _work_queue(ACCOUNTS),
    _work_queue(SIZING),
    # Two replicas applying commands side by side would have to agree on an order; one at a time has one.
    _work_queue(CONFIG, **{"x-single-active-consumer": True}),
)
RETRIED_QUEUES = (ACCOUNTS, SIZING)
"""Queues whose messages may be tried again later. Not the configuration: an old command must never override a newer."""

PARKED_QUEUES = tuple(_parked_queue(queue.name) for queue in WORK_QUEUES)
RETRY_QUEUES = tuple(_retry_queue(name, delay_s) for name in RETRIED_QUEUES for delay_s in RETRY_DELAYS_S)

# Where dead letters go must stand before what sends them there: an at-least-once queue without its target hides them.
QUEUES = (*PARKED_QUEUES, *WORK_QUEUES, *RETRY_QUEUES)

BINDINGS = (
    Binding(ACCOUNTS, KEY_SNAPSHOT, ACCOUNTS),
    Binding(ACCOUNTS, KEY_INSTRUMENTS, ACCOUNTS),
    Binding(SIZING, KEY_SIZING_REQUEST, SIZING),
    Binding(SIZING, KEY_SIZING_OUTCOME, SIZING),
    Binding(CONFIG, KEY_CONFIG_COMMAND, CONFIG),
    *(Binding(DEAD, queue.name, parked_name(queue.name)) for queue in WORK_QUEUES),
    *(Binding(RETRY, queue.name, queue.name) for queue in RETRY_QUEUES),
)

ROLES = (
    Role(
        "ea-bridge",
        write=r"lotwise\.accounts",
        topic_write={ACCOUNTS: r"^account\.(snapshot|instruments)$"},
    ),
    Role(
        "signal-engine",
        configure=r"lotwise\.reply\.{user}\..+",
        write=r"lotwise\.sizing",
        read=r"lotwise\.reply\.{user}\..+",
        topic_write={SIZING: r"^sizing\.(request|outcome)$"},
    ),
    Role(
        "owner",
        configure=r"lotwise\.reply\.{user}\..+",
        write=r"lotwise\.config",
        read=r"lotwise\.reply\.{user}\..+",
        topic_write={CONFIG: r"^config\.command$"},
    ),
    Role(
        "sync-consumer",
        write=r"lotwise\.(retry|dead|events)",
        read=r"lotwise\.accounts",
        topic_write={EVENTS: r"^account\.refused$"},
    ),
    Role(
        "sizing-worker",
        configure=r"lotwise\.config\.changed\..+",
        # amq.default is the default exchange: replies only, and only where `is_allowed_reply_to` says so.
        write=r"amq\.default|lotwise\.(retry|dead|events|config\.changed\..+)",
        read=r"lotwise\.(sizing|config\.changed(\..+)?)",
        topic_write={EVENTS: r"^(sizing\.decided|worker\.(state|latency))$"},
    ),
    Role(
        "config-service",
        configure=r"lotwise\.config\.changed\..+",
        write=r"amq\.default|lotwise\.(dead|events|config\.changed(\..+)?)",
        read=r"lotwise\.(config|events|config\.changed(\..+)?)",
        topic_write={EVENTS: r"^(worker\.state|schedule\.ended)$"},
        topic_read={EVENTS: r"^worker\.(state|latency)$"},
    ),
)
