"""The topology as data: what must hold for every queue and every role."""

from __future__ import annotations

import re

import pytest

from shared.messaging import topology
from shared.messaging.topology import (
    BINDINGS,
    DEFAULT_EXCHANGE,
    EXCHANGES,
    PARKED_QUEUES,
    QUEUES,
    RETRIED_QUEUES,
    RETRY_DELAYS_S,
    RETRY_QUEUES,
    ROLES,
    WORK_QUEUES,
    Queue,
    Role,
    is_allowed_reply_to,
    parked_name,
    reply_queue_name,
    retry_name,
)

PORTABLE_ARGUMENTS = {
    "x-queue-type",
    "x-delivery-limit",
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-dead-letter-strategy",
    "x-overflow",
    "x-message-ttl",
    "x-single-active-consumer",
}
"""Known to 3.10 as to 4.x, and settable by declaration. No length limit: it would turn an outage into loss."""
ROLE_BY_NAME = {role.name: role for role in ROLES}
NAMES = {queue.name for queue in QUEUES}


def named(queues: tuple[Queue, ...]) -> list[object]:
    return [pytest.param(queue, id=queue.name) for queue in queues]


@pytest.mark.parametrize("queue", named(QUEUES))
def test_every_queue_is_a_quorum_queue_with_a_positive_delivery_limit(queue: Queue) -> None:
    limit = queue.arguments["x-delivery-limit"]

    assert queue.arguments["x-queue-type"] == "quorum"
    assert isinstance(limit, int)
    assert limit > 0


@pytest.mark.parametrize("queue", named(QUEUES))
def test_every_argument_is_known_to_every_broker_we_run_on(queue: Queue) -> None:
    assert set(queue.arguments) <= PORTABLE_ARGUMENTS


@pytest.mark.parametrize("queue", named(WORK_QUEUES))
def test_what_a_work_queue_gives_up_is_parked_and_cannot_be_lost_on_the_way(queue: Queue) -> None:
    target = (str(queue.arguments["x-dead-letter-exchange"]), str(queue.arguments["x-dead-letter-routing-key"]))
    receivers = {binding.queue for binding in BINDINGS if (binding.exchange, binding.routing_key) == target}

    assert receivers == {parked_name(queue.name)} <= NAMES
    assert queue.arguments["x-dead-letter-strategy"] == "at-least-once"
    assert queue.arguments["x-overflow"] == "reject-publish"  # without it the broker falls back to at-most-once


@pytest.mark.parametrize("queue", named(RETRY_QUEUES))
def test_what_has_waited_goes_back_to_its_queue_and_cannot_be_lost_on_the_way(queue: Queue) -> None:
    assert queue.arguments["x-dead-letter-exchange"] == DEFAULT_EXCHANGE
    assert queue.arguments["x-dead-letter-routing-key"] in RETRIED_QUEUES
    assert queue.arguments["x-dead-letter-strategy"] == "at-least-once"
    assert queue.arguments["x-overflow"] == "reject-publish"


def test_each_retried_queue_has_a_waiting_queue_for_each_delay() -> None:
    delays = {queue.name: queue.arguments["x-message-ttl"] for queue in RETRY_QUEUES}

    assert delays == {
        "lotwise.accounts.retry.1s": 1_000,
        "lotwise.accounts.retry.5s": 5_000,
        "lotwise.accounts.retry.30s": 30_000,
        "lotwise.sizing.retry.1s": 1_000,
        "lotwise.sizing.retry.5s": 5_000,
        "lotwise.sizing.retry.30s": 30_000,
    }


def test_an_old_command_is_never_tried_again_later() -> None:
    assert topology.CONFIG not in RETRIED_QUEUES


@pytest.mark.parametrize("queue", named(PARKED_QUEUES))
def test_parked_messages_live_fourteen_days_and_survive_being_looked_at(queue: Queue) -> None:
    assert queue.arguments["x-message-ttl"] == 14 * 24 * 60 * 60 * 1000
    assert queue.arguments["x-delivery-limit"] == topology.PARKED_DELIVERY_LIMIT
    assert "x-dead-letter-exchange" not in queue.arguments


def test_only_the_configuration_has_a_single_active_consumer() -> None:
    assert [queue.name for queue in QUEUES if "x-single-active-consumer" in queue.arguments] == ["lotwise.config"]


def test_our_attempts_end_long_before_the_brokers() -> None:
    assert len(RETRY_DELAYS_S) + 1 < topology.WORK_DELIVERY_LIMIT


def test_targets_of_dead_letters_are_declared_before_what_sends_them_there() -> None:
    order = [queue.name for queue in QUEUES]

    assert all(order.index(parked_name(queue.name)) < order.index(queue.name) for queue in WORK_QUEUES)
    assert all(
        order.index(name) < order.index(retry_name(name, delay_s))
        for name in RETRIED_QUEUES
        for delay_s in RETRY_DELAYS_S
    )


def test_every_binding_is_between_what_is_declared() -> None:
    exchanges = {exchange.name for exchange in EXCHANGES}

    assert all(binding.exchange in exchanges and binding.queue in NAMES for binding in BINDINGS)


def test_no_name_is_given_twice() -> None:
    assert len(NAMES) == len(QUEUES)
    assert len({exchange.name for exchange in EXCHANGES}) == len(EXCHANGES)


def may(role: str, kind: str, resource: str, user: str | None = None) -> bool:
    patterns = ROLE_BY_NAME[role].permissions(user or role)
    return re.search(patterns[kind], resource) is not None


@pytest.mark.parametrize(
    ("role", "exchanges"),
    [
        ("ea-bridge", {"lotwise.accounts"}),
        ("signal-engine", {"lotwise.sizing"}),
        ("owner", {"lotwise.config"}),
        ("sync-consumer", {"lotwise.retry", "lotwise.dead", "lotwise.events"}),
        ("sizing-worker", {"amq.default", "lotwise.retry", "lotwise.dead", "lotwise.events"}),
        ("config-service", {"amq.default", "lotwise.dead", "lotwise.events", "lotwise.config.changed"}),
    ],
)
def test_a_role_writes_to_its_own_exchanges_and_no_other(role: str, exchanges: set[str]) -> None:
    every = {exchange.name for exchange in EXCHANGES} | {"amq.default", "amq.topic", "amq.direct", "amq.fanout"}

    assert {name for name in every if may(role, "write", name)} == exchanges


@pytest.mark.parametrize(
    ("role", "queues"),
    [
        ("ea-bridge", set()),
        ("signal-engine", set()),
        ("owner", set()),
        ("sync-consumer", {"lotwise.accounts"}),
        ("sizing-worker", {"lotwise.sizing"}),
        ("config-service", {"lotwise.config"}),
    ],
)
def test_a_role_reads_its_own_queue_and_no_other(role: str, queues: set[str]) -> None:
    assert {name for name in NAMES if may(role, "read", name)} == queues


@pytest.mark.parametrize("role", [role.name for role in ROLES])
def test_no_role_may_declare_or_delete_anything_of_the_topology(role: str) -> None:
    every = NAMES | {exchange.name for exchange in EXCHANGES}

    assert {name for name in every if may(role, "configure", name)} == set()


@pytest.mark.parametrize("role", ["signal-engine", "owner"])
def test_a_requester_has_reply_queues_of_its_own_only(role: str) -> None:
    own, anothers = reply_queue_name("bot-1", "x"), reply_queue_name("bot-2", "x")

    assert all(may(role, kind, own, user="bot-1") for kind in ("configure", "read"))
    assert not any(may(role, kind, anothers, user="bot-1") for kind in ("configure", "write", "read"))


@pytest.mark.parametrize("role", ["sizing-worker", "config-service"])
def test_a_service_has_broadcast_queues_of_its_own(role: str) -> None:
    name = topology.broadcast_name("worker.host.17.ab12")

    assert all(may(role, kind, name) for kind in ("configure", "write", "read"))
    assert may(role, "read", "lotwise.config.changed")


def test_a_user_name_with_special_characters_is_taken_by_the_letter() -> None:
    assert not may("signal-engine", "read", "lotwise.reply.aXb.q", user="a.b")
    assert may("signal-engine", "read", "lotwise.reply.a.b.q", user="a.b")


@pytest.mark.parametrize("role", [role for role in ROLES if role.topic_write], ids=lambda role: role.name)
def test_topics_are_limited_on_every_topic_exchange_that_a_role_writes_to(role: Role) -> None:
    topics = {exchange.name for exchange in EXCHANGES if exchange.type == "topic"}

    assert {name for name in topics if may(role.name, "write", name)} == set(role.topic_write)


@pytest.mark.parametrize(
    ("role", "exchange", "key"),
    [
        ("ea-bridge", topology.ACCOUNTS, "account.snapshots"),
        ("ea-bridge", topology.ACCOUNTS, "x.account.snapshot"),
        ("signal-engine", topology.SIZING, "sizing.decided"),
        ("owner", topology.CONFIG, "config.commands"),
        ("sync-consumer", topology.EVENTS, "sizing.decided"),
        ("sizing-worker", topology.EVENTS, "account.refused"),
    ],
)
def test_a_routing_key_of_somebody_else_is_not_allowed(role: str, exchange: str, key: str) -> None:
    assert re.search(ROLE_BY_NAME[role].topic_write[exchange], key) is None


@pytest.mark.parametrize(
    ("reply_to", "sender"),
    [
        ("amq.rabbitmq.reply-to.g1h2AA5yZXBseUAxMjM0NTY3OAAAAAAAAAAA", "bot"),
        ("amq.rabbitmq.reply-to.g1h2AA5yZXBseUAxMjM0NTY3OAAAAAAAAAAA", None),
        ("lotwise.reply.bot.1", "bot"),
        ("lotwise.reply.bot.a.b.c", "bot"),
    ],
)
def test_a_reply_may_go_to_the_requester(reply_to: str, sender: str | None) -> None:
    assert is_allowed_reply_to(reply_to, sender)


@pytest.mark.parametrize(
    ("reply_to", "sender"),
    [
        ("lotwise.sizing", "bot"),
        ("lotwise.sizing.dead", "bot"),
        ("lotwise.config", "bot"),
        ("lotwise.reply.bot", "bot"),
        ("lotwise.reply.bot2.1", "bot"),
        ("lotwise.reply.bot.1", None),
        ("lotwise.reply..1", ""),
        ("lotwise.reply..1", None),
        ("xlotwise.reply.bot.1", "bot"),
        ("LOTWISE.REPLY.bot.1", "bot"),
        ("amq.rabbitmq.reply-to", "bot"),
        ("amq.rabbitmq.reply-to-me", "bot"),
        ("", "bot"),
    ],
)
def test_a_reply_may_go_nowhere_else(reply_to: str, sender: str | None) -> None:
    assert not is_allowed_reply_to(reply_to, sender)
