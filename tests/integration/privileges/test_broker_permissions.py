"""What RabbitMQ refuses each role, tried for real, on every exchange and queue of the topology: 403 ACCESS_REFUSED.

What a role may do is written here by hand, from the contract; everything else that the topology holds, today's and
tomorrow's, must be refused.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelPreconditionFailed

from dev.servers.management import Management, ManagementError
from dev.stack.workspace import VirtualHost, Workspace
from shared.messaging import topology
from shared.messaging.topology import (
    ACCOUNTS,
    CONFIG,
    CONFIG_CHANGED,
    DEAD,
    EVENTS,
    EXCHANGES,
    KEY_WORKER_LATENCY,
    KEY_WORKER_STATE,
    QUEUES,
    RETRY,
    ROLES,
    SIZING,
    broadcast_name,
    reply_queue_name,
)
from tests.integration.privileges.broker import Act, RoleConnection, connect_role, consume, publish, publishes

PRODUCERS = ("ea-bridge", "signal-engine", "owner")
SERVICES = ("sync-consumer", "sizing-worker", "config-service")
ROLE_NAMES = [role.name for role in ROLES]
EXCHANGE_NAMES = ["", *(exchange.name for exchange in EXCHANGES), "amq.topic", "amq.fanout"]
KEYS = {value for name, value in vars(topology).items() if name.startswith("KEY_")}
PROBES = KEYS | {"", "account.snapshot.more", "nothing.of.ours"} | {queue.name for queue in QUEUES}
"""Routing keys: all of ours, near misses, and the names that the retry and dead exchanges go by."""
EVERYTHING = frozenset(PROBES)
Keys = dict[str, set[str] | frozenset[str]]
OTHER_USER = "somebody-else"

MAY_PUBLISH: dict[str, Keys] = {
    "ea-bridge": {ACCOUNTS: {"account.snapshot", "account.instruments"}},
    "signal-engine": {SIZING: {"sizing.request", "sizing.outcome"}},
    "owner": {CONFIG: {"config.command"}},
    "sync-consumer": {RETRY: EVERYTHING, DEAD: EVERYTHING, EVENTS: {"account.refused"}},
    "sizing-worker": {
        "": EVERYTHING,  # replies; to whom, `is_allowed_reply_to` decides
        RETRY: EVERYTHING,
        DEAD: EVERYTHING,
        EVENTS: {"sizing.decided", "worker.state", "worker.latency"},
    },
    "config-service": {
        "": EVERYTHING,
        DEAD: EVERYTHING,
        CONFIG_CHANGED: EVERYTHING,
        EVENTS: {"worker.state", "schedule.ended"},
    },
}
MAY_HEAR = {
    ("sizing-worker", "#"): {CONFIG_CHANGED},
    ("sizing-worker", KEY_WORKER_STATE): {CONFIG_CHANGED},
    ("config-service", "#"): {CONFIG_CHANGED},
    ("config-service", KEY_WORKER_STATE): {CONFIG_CHANGED, EVENTS},
    ("config-service", KEY_WORKER_LATENCY): {CONFIG_CHANGED, EVENTS},
}
"""What a private queue may be bound to, by the key that it is bound with."""
MAY_CONSUME = {"sync-consumer": {ACCOUNTS}, "sizing-worker": {SIZING}, "config-service": {CONFIG}}


@pytest.fixture(scope="module")
def virtual_host(session_workspace: Workspace) -> Iterator[VirtualHost]:
    """One for all attempts, which change nothing or fail: a vhost for each would take longer than the attempt."""
    with session_workspace.new_virtual_host() as made:
        yield made


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def playing(virtual_host: VirtualHost, stack: AsyncExitStack, role: str) -> RoleConnection:
    """A connection of the role that the test is about."""
    return await connect_role(virtual_host, role, stack)


def test_the_roles_of_these_tests_are_those_of_the_topology() -> None:
    assert set(ROLE_NAMES) == {*PRODUCERS, *SERVICES} == MAY_PUBLISH.keys()


@pytest.mark.parametrize("exchange", EXCHANGE_NAMES, ids=lambda name: name or "default exchange")
@pytest.mark.parametrize("role", ROLE_NAMES)
async def test_a_role_publishes_only_to_its_exchanges_and_under_its_keys(
    playing: RoleConnection, exchange: str
) -> None:
    role = playing.role

    permitted = await playing.permitted(publishes(exchange, PROBES))

    assert permitted == MAY_PUBLISH[role].get(exchange, set())


@pytest.mark.parametrize("role", ROLE_NAMES)
async def test_a_role_consumes_only_its_own_work_queue(playing: RoleConnection) -> None:
    permitted = await playing.permitted({queue.name: consume(queue.name) for queue in QUEUES})

    assert permitted == MAY_CONSUME.get(playing.role, set())


@pytest.mark.parametrize("role", ROLE_NAMES)
async def test_a_role_empties_only_its_own_work_queue(playing: RoleConnection) -> None:
    permitted = await playing.permitted({queue.name: purge(queue.name) for queue in QUEUES})

    assert permitted == MAY_CONSUME.get(playing.role, set())


@pytest.mark.parametrize("role", ROLE_NAMES)
async def test_no_role_declares_or_deletes_a_queue_of_the_topology(playing: RoleConnection) -> None:
    acts: dict[str, Act] = {}
    for queue in QUEUES:
        acts[f"declare {queue.name}"] = declare(queue.name, dict(queue.arguments))
        acts[f"delete {queue.name}"] = delete(queue.name)

    assert await playing.permitted(acts) == set()


@pytest.mark.parametrize("role", ROLE_NAMES)
async def test_no_role_makes_a_queue_under_a_name_of_its_own_choice(playing: RoleConnection) -> None:
    names = ("mine", "lotwise.mine", reply_queue_name(OTHER_USER, "a1"), f"lotwise.reply.{playing.user}")

    assert await playing.permitted({name: declare(name, {}, exclusive=True) for name in names}) == set()


@pytest.mark.parametrize("role", ROLE_NAMES)
async def test_no_role_declares_or_deletes_an_exchange(playing: RoleConnection) -> None:
    acts: dict[str, Act] = {"declare mine": declare_exchange("mine", "topic")}
    for exchange in EXCHANGES:
        acts[f"declare {exchange.name}"] = declare_exchange(exchange.name, exchange.type)
        acts[f"delete {exchange.name}"] = delete_exchange(exchange.name)

    assert await playing.permitted(acts) == set()


@pytest.mark.parametrize("role", ROLE_NAMES)
async def test_no_role_binds_a_queue_of_the_topology_to_an_exchange(playing: RoleConnection) -> None:
    acts: dict[str, Act] = {
        f"{queue.name} to {exchange.name}": bind(queue.name, exchange.name)
        for queue in QUEUES
        for exchange in EXCHANGES
    }

    assert await playing.permitted(acts) == set()


@pytest.mark.parametrize("role", ROLE_NAMES)
async def test_no_role_unbinds_a_queue_of_the_topology(playing: RoleConnection) -> None:
    acts: dict[str, Act] = {
        f"{one.queue} from {one.exchange}": unbind(one.queue, one.exchange, one.routing_key)
        for one in topology.BINDINGS
    }

    assert await playing.permitted(acts) == set()


@pytest.mark.parametrize(("role", "key"), MAY_HEAR)
async def test_a_private_queue_hears_only_what_its_service_may_hear(playing: RoleConnection, key: str) -> None:
    async def hear(exchange: str, channel: AbstractChannel) -> None:
        name = broadcast_name(secrets.token_hex(4))
        await channel.queue_declare(name, exclusive=True, auto_delete=True)
        await channel.queue_bind(name, exchange, routing_key=key)

    def hearing(exchange: str) -> Act:
        return lambda channel: hear(exchange, channel)

    permitted = await playing.permitted({exchange.name: hearing(exchange.name) for exchange in EXCHANGES})

    assert permitted == MAY_HEAR[playing.role, key]


@pytest.mark.parametrize("role", ROLE_NAMES)
async def test_nobody_reads_the_replies_of_another_user(
    playing: RoleConnection, virtual_host: VirtualHost, stack: AsyncExitStack
) -> None:
    others = [
        await connect_role(virtual_host, name, stack) for name in ("signal-engine", "owner") if name != playing.role
    ]
    queues = [reply_queue_name(other.user, secrets.token_hex(4)) for other in others]
    for other, queue in zip(others, queues, strict=True):
        await other.declare(queue)

    assert await playing.permitted({queue: consume(queue) for queue in queues}) == set()


@pytest.mark.parametrize("role", ["signal-engine", "owner"])
async def test_a_requester_has_reply_queues_of_its_own(playing: RoleConnection) -> None:
    name = reply_queue_name(playing.user, "a1")

    assert await playing.permitted({name: declare(name, {}, exclusive=True)}) == {name}


@pytest.mark.parametrize("role", ROLE_NAMES)
async def test_nobody_sends_under_another_s_name(playing: RoleConnection) -> None:
    exchange, keys = next(iter(MAY_PUBLISH[playing.role].items()))

    with pytest.raises(ChannelPreconditionFailed, match="user_id property set to 'somebody-else'"):
        await playing.attempt(publish(exchange, min(keys), user_id=OTHER_USER))


@pytest.mark.parametrize("role", ROLE_NAMES)
async def test_no_role_may_use_the_management_api(
    session_workspace: Workspace, virtual_host: VirtualHost, role: str
) -> None:
    url = virtual_host.role_urls[role]
    credentials = url.removeprefix("amqp://").partition("@")[0]
    api = session_workspace.rabbitmq_api_url
    with (
        Management(f"http://{credentials}@{api.rpartition('@')[2]}") as management,
        pytest.raises(ManagementError, match="401"),
    ):
        management.vhosts()


def purge(queue: str) -> Act:
    async def act(channel: AbstractChannel) -> None:
        await channel.queue_purge(queue)

    return act


def declare(queue: str, arguments: dict[str, str | int | bool], *, exclusive: bool = False) -> Act:
    async def act(channel: AbstractChannel) -> None:
        await channel.queue_declare(queue, durable=not exclusive, exclusive=exclusive, arguments=dict(arguments))

    return act


def delete(queue: str) -> Act:
    async def act(channel: AbstractChannel) -> None:
        await channel.queue_delete(queue)

    return act


def declare_exchange(name: str, kind: str) -> Act:
    async def act(channel: AbstractChannel) -> None:
        await channel.exchange_declare(name, exchange_type=kind, durable=True)

    return act


def delete_exchange(name: str) -> Act:
    async def act(channel: AbstractChannel) -> None:
        await channel.exchange_delete(name)

    return act


def bind(queue: str, exchange: str) -> Act:
    async def act(channel: AbstractChannel) -> None:
        await channel.queue_bind(queue, exchange, routing_key="#")

    return act


def unbind(queue: str, exchange: str, key: str) -> Act:
    async def act(channel: AbstractChannel) -> None:
        await channel.queue_unbind(queue, exchange, routing_key=key)

    return act
