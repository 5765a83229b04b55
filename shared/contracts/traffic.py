"""Who sends which message to whom, as data. Every name is one of `shared.messaging.topology`'s."""

from __future__ import annotations

from dataclasses import dataclass

from shared.messaging.topology import (
    ACCOUNTS,
    BINDINGS,
    CONFIG,
    CONFIG_CHANGED,
    EVENTS,
    KEY_ACCOUNT_REFUSED,
    KEY_CONFIG_COMMAND,
    KEY_INSTRUMENTS,
    KEY_SCHEDULE_ENDED,
    KEY_SIZING_DECIDED,
    KEY_SIZING_OUTCOME,
    KEY_SIZING_REQUEST,
    KEY_SNAPSHOT,
    KEY_WORKER_LATENCY,
    KEY_WORKER_STATE,
    SIZING,
)


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who sends or receives. `name` is the role on the broker, where there is one."""

    name: str
    title: str
    about: str
    is_service: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One message on its way: published by `senders` to an exchange under a routing key ("" where it has none).

    Who receives it takes it from `queue`; from a queue of its own where that is None. `reply` is the message that
    comes back.
    """

    name: str
    message: str
    exchange: str
    routing_key: str
    senders: tuple[str, ...]
    receivers: tuple[str, ...]
    about: str
    reply: str | None = None

    @property
    def queue(self) -> str | None:
        """The shared queue that the message goes to."""
        where = (self.exchange, self.routing_key)
        return next((bound.queue for bound in BINDINGS if (bound.exchange, bound.routing_key) == where), None)


EA_BRIDGE, SIGNAL_ENGINE, OWNER = "ea-bridge", "signal-engine", "owner"
SYNC_CONSUMER, SIZING_WORKER, CONFIG_SERVICE = "sync-consumer", "sizing-worker", "config-service"
DASHBOARD, OPERATOR = "dashboard", "operator"

PARTIES = (
    Party(EA_BRIDGE, "EA bridge", "Publishes what MetaTrader 5 terminals report of their accounts."),
    Party(SIGNAL_ENGINE, "Signal engine", "Asks how many lots to trade, and says what became of each setup."),
    Party(OWNER, "Owner", "Turns the one risk dial."),
    Party(
        DASHBOARD, "Dashboards and bots", "Listen to events, in queues of their own that the operator lets them bind."
    ),
    Party(OPERATOR, "Operator", "Keeps it running, and decides what becomes of parked messages."),
    Party(SYNC_CONSUMER, "sync_consumer", "Keeps each account at its newest snapshot.", is_service=True),
    Party(SIZING_WORKER, "sizing_worker", "Decides, any number of replicas side by side.", is_service=True),
    Party(CONFIG_SERVICE, "config_service", "Holds the risk dial.", is_service=True),
)

LINES = (
    Line(
        KEY_SNAPSHOT,
        "account.snapshot.v1",
        ACCOUNTS,
        KEY_SNAPSHOT,
        (EA_BRIDGE,),
        (SYNC_CONSUMER,),
        "The figures of one account; the newest wins, so that sending one again is safe.",
    ),
    Line(
        KEY_INSTRUMENTS,
        "account.instruments.v1",
        ACCOUNTS,
        KEY_INSTRUMENTS,
        (EA_BRIDGE,),
        (SYNC_CONSUMER,),
        "What an account's broker says of its symbols; may come before the account's first snapshot.",
    ),
    Line(
        KEY_SIZING_REQUEST,
        "sizing.request.v1",
        SIZING,
        KEY_SIZING_REQUEST,
        (SIGNAL_ENGINE,),
        (SIZING_WORKER,),
        "How many lots? A request is decided once; the same `request_id` again gets the very same reply.",
        reply="sizing.decision.v1",
    ),
    Line(
        KEY_SIZING_OUTCOME,
        "sizing.outcome.v1",
        SIZING,
        KEY_SIZING_OUTCOME,
        (SIGNAL_ENGINE,),
        (SIZING_WORKER,),
        "What became of an approved setup, so that the margin it holds is given back; safe to send again.",
    ),
    Line(
        KEY_CONFIG_COMMAND,
        "config.command.v1",
        CONFIG,
        KEY_CONFIG_COMMAND,
        (OWNER,),
        (CONFIG_SERVICE,),
        "A change of the configuration. The same `command_id` again has one effect and the same answer.",
        reply="config.result.v1",
    ),
    Line(
        "config.changed",
        "config.changed.v1",
        CONFIG_CHANGED,
        "",
        (CONFIG_SERVICE,),
        (SIZING_WORKER, CONFIG_SERVICE),
        "The whole new configuration, to every process that runs one.",
    ),
    Line(
        KEY_SIZING_DECIDED,
        "sizing.decision.v1",
        EVENTS,
        KEY_SIZING_DECIDED,
        (SIZING_WORKER,),
        (DASHBOARD,),
        "Each decision, as its requester got it. An event: best effort, after the fact.",
    ),
    Line(
        KEY_ACCOUNT_REFUSED,
        "account.refused.v1",
        EVENTS,
        KEY_ACCOUNT_REFUSED,
        (SYNC_CONSUMER,),
        (DASHBOARD,),
        "A message of an account that was refused and changed nothing. An event: best effort.",
    ),
    Line(
        KEY_WORKER_STATE,
        "worker.state.v1",
        EVENTS,
        KEY_WORKER_STATE,
        (SIZING_WORKER, CONFIG_SERVICE),
        (CONFIG_SERVICE, DASHBOARD),
        "The configuration version that a process runs: on change, and every 10 s. An event: best effort.",
    ),
    Line(
        KEY_WORKER_LATENCY,
        "worker.latency.v1",
        EVENTS,
        KEY_WORKER_LATENCY,
        (SIZING_WORKER,),
        (CONFIG_SERVICE, DASHBOARD),
        "How long a worker's messages took, as it has counted since it began: every 10 s. An event: best effort.",
    ),
    Line(
        KEY_SCHEDULE_ENDED,
        "schedule.ended.v1",
        EVENTS,
        KEY_SCHEDULE_ENDED,
        (CONFIG_SERVICE,),
        (DASHBOARD,),
        "A planned change that its time has come for: applied, or missed. An event: best effort.",
    ),
)


def is_sent_to_us(message: str) -> bool:
    """Whether somebody outside sends `message`, and a service reads it; else a service writes it."""
    services = {party.name for party in PARTIES if party.is_service}
    return any(line.message == message and not services.issuperset(line.senders) for line in LINES)
