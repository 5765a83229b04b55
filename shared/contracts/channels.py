"""The broker's exchanges and queues as AsyncAPI's channels, and what each party does there as its operations.

A message is sent to a channel that is a routing key of an exchange, and received from a channel that is a queue. A
reply goes through the default exchange to wherever the request said.
"""

from __future__ import annotations

from typing import Any

from shared.contracts.envelopes import BINDING_VERSION, PERSISTENT
from shared.contracts.traffic import LINES, OPERATOR, Line
from shared.messaging.topology import (
    BINDINGS,
    CONFIG_CHANGED,
    DEFAULT_EXCHANGE,
    EXCHANGES,
    HEADER_DETAIL,
    HEADER_REASON,
    HEADER_USER,
    PARKED_DAYS,
    QUEUES,
    RETRY_DELAYS_S,
    WORK_QUEUES,
    Queue,
    parked_name,
    retry_name,
)

Node = dict[str, Any]

_ABOUT_QUEUES = {
    **{queue.name: "What is to be worked through; durable, replicated." for queue in WORK_QUEUES},
    **{
        parked_name(queue.name): f"Messages that were given up, for the operator, for {PARKED_DAYS} days. The header"
        f" `{HEADER_REASON}` says why, `{HEADER_DETAIL}` more of it, `{HEADER_USER}` who sent it; where the broker"
        " itself parked it, `x-first-death-reason` says why."
        for queue in WORK_QUEUES
    },
    **{
        retry_name(queue.name, delay_s): f"Messages that wait {delay_s} s for their next attempt. Nobody consumes it."
        for queue in WORK_QUEUES
        for delay_s in RETRY_DELAYS_S
    },
}


def channels() -> Node:
    """Every channel by its key: routing keys, replies, queues."""
    return {
        **{line.name: _routing_key(line) for line in LINES},
        **{reply_channel(line): _replies(line, line.reply) for line in LINES if line.reply},
        **{queue.name: _queue(queue) for queue in QUEUES},
    }


def operations() -> Node:
    """What every party sends and receives, by party, action and message."""
    sent = {f"{party}.send.{line.name}": _send(line, party) for line in LINES for party in line.senders}
    received = {f"{party}.receive.{line.name}": _receive(line, party) for line in LINES for party in line.receivers}
    parked = {f"{OPERATOR}.receive.{parked_name(queue.name)}": _look_through(queue.name) for queue in WORK_QUEUES}
    return {**sent, **received, **parked}


def reply_channel(line: Line) -> str:
    """The key of the channel that the replies to `line` come by."""
    return f"{line.name}.reply"


def _routing_key(line: Line) -> Node:
    (exchange,) = (exchange for exchange in EXCHANGES if exchange.name == line.exchange)
    described = {"name": exchange.name, "type": exchange.type, "durable": True, "autoDelete": False}
    return {
        "address": line.routing_key or None,
        "summary": line.about,
        "messages": _messages(line.message),
        "bindings": _amqp({"is": "routingKey", "exchange": described}),
    }


def _replies(line: Line, reply: str) -> Node:
    exchange = {"name": DEFAULT_EXCHANGE, "type": "default", "durable": True, "autoDelete": False}
    return {
        "address": None,
        "summary": f"The reply to `{line.message}`, to where its `reply_to` says, under its `correlation_id`.",
        "messages": _messages(reply),
        "bindings": _amqp({"is": "routingKey", "exchange": exchange}),
    }


def _queue(queue: Queue) -> Node:
    described = {"name": queue.name, "durable": True, "exclusive": False, "autoDelete": False}
    bound = [
        {"exchange": binding.exchange, "routing_key": binding.routing_key}
        for binding in BINDINGS
        if binding.queue == queue.name
    ]
    return {
        "address": queue.name,
        "summary": _ABOUT_QUEUES[queue.name],
        "messages": _messages(*(line.message for line in LINES if line.queue and _holds(queue.name, line.queue))),
        "bindings": _amqp({"is": "queue", "queue": described, "x-arguments": queue.arguments, "x-bindings": bound}),
    }


def _holds(queue: str, work_queue: str) -> bool:
    """Whether `queue` is that work queue, or holds what is parked or waits there."""
    waiting = (retry_name(work_queue, delay_s) for delay_s in RETRY_DELAYS_S)
    return queue in (work_queue, parked_name(work_queue), *waiting)


def _send(line: Line, party: str) -> Node:
    is_event = line.queue is None
    binding = {"deliveryMode": PERSISTENT, "mandatory": not is_event, "timestamp": True}
    return {"action": "send", **_operation(line, line.name, party), "bindings": _amqp(binding)}


def _receive(line: Line, party: str) -> Node:
    # Who has a queue of its own takes the message from there, acknowledged by being delivered.
    binding = {"ack": line.queue is not None}
    operation = {"action": "receive", **_operation(line, line.queue or line.name, party), "bindings": _amqp(binding)}
    if line.exchange == CONFIG_CHANGED:
        operation["description"] = f"From a queue `{CONFIG_CHANGED}.INSTANCE` of the process's own."
    return operation


def _operation(line: Line, channel: str, party: str) -> Node:
    operation = {
        "channel": _reference("channels", channel),
        "summary": line.about,
        "tags": [{"name": party}],
        "messages": [_reference("channels", channel, "messages", line.message)],
    }
    if line.reply:
        replies = reply_channel(line)
        operation["reply"] = {
            "address": {"location": "$message.header#/reply_to", "description": "The AMQP property `reply_to`."},
            "channel": _reference("channels", replies),
            "messages": [_reference("channels", replies, "messages", line.reply)],
        }
    return operation


def _look_through(work_queue: str) -> Node:
    channel = parked_name(work_queue)
    return {
        "action": "receive",
        "channel": _reference("channels", channel),
        "summary": "Look at what was given up, and send it again or drop it: `lotwise dead`.",
        "tags": [{"name": OPERATOR}],
        "bindings": _amqp({"ack": True}),
    }


def _messages(*names: str) -> Node:
    return {name: _reference("components", "messages", name) for name in names}


def _amqp(binding: Node) -> Node:
    return {"amqp": {**binding, "bindingVersion": BINDING_VERSION}}


def _reference(*path: str) -> Node:
    return {"$ref": "#/" + "/".join(path)}
