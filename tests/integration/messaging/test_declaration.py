"""Declaring the topology, and making sure that it is there."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from dev.servers.management import Management
from dev.stack.workspace import VirtualHost, Workspace
from shared.errors import DependencyError, DeploymentError
from shared.messaging.comparison import differences, read_broker
from shared.messaging.declaration import declare_topology, verify_names
from shared.messaging.link import BrokerSettings, refuse_bad_credentials
from shared.messaging.topology import ACCOUNTS, DEAD, EVENTS, EXCHANGES, QUEUES, RETRY, SIZING
from tests.integration.messaging.place import Place
from tests.integration.messaging.strict import Strict


def settings(url: str) -> BrokerSettings:
    return BrokerSettings(amqp_url=SecretStr(url))


@pytest.fixture
def empty_place(place: Place, session_workspace: Workspace) -> Place:
    """The test's vhost, before anything was declared."""
    with Management(session_workspace.rabbitmq_api_url) as management:
        management.delete_vhost(place.virtual_host.name)
        management.create_vhost(place.virtual_host.name)
    return place


async def test_what_is_declared_is_the_topology_and_nothing_else(
    empty_place: Place, session_workspace: Workspace
) -> None:
    await declare_topology(settings(empty_place.virtual_host.amqp_url))

    found = read_broker(session_workspace.rabbitmq_api_url, empty_place.virtual_host.name)
    assert differences(found) == []
    assert set(found.queues) == {queue.name for queue in QUEUES}
    ours = {name for name in found.exchanges if name and not name.startswith("amq.")}
    assert ours == {exchange.name for exchange in EXCHANGES}


async def test_declaring_again_changes_nothing(place: Place, session_workspace: Workspace) -> None:
    before = read_broker(session_workspace.rabbitmq_api_url, place.virtual_host.name)

    await declare_topology(settings(place.virtual_host.amqp_url))

    assert read_broker(session_workspace.rabbitmq_api_url, place.virtual_host.name) == before


async def test_a_queue_with_another_argument_is_named_with_it(empty_place: Place) -> None:
    operator = await empty_place.operator()
    (queue,) = (queue for queue in QUEUES if queue.name == ACCOUNTS)
    await operator.declare_queue(ACCOUNTS, durable=True, arguments={**queue.arguments, "x-delivery-limit": 3})

    with pytest.raises(DeploymentError, match=r"x-delivery-limit.*lotwise\.accounts"):
        await declare_topology(settings(empty_place.virtual_host.amqp_url))


async def test_an_exchange_of_another_type_is_named(empty_place: Place) -> None:
    operator = await empty_place.operator()
    await operator.declare_exchange(SIZING, "direct", durable=True)

    with pytest.raises(DeploymentError, match=r"type.*lotwise\.sizing"):
        await declare_topology(settings(empty_place.virtual_host.amqp_url))


async def test_a_user_who_may_not_declare_is_told(place: Place) -> None:
    with pytest.raises(DeploymentError, match=r"user '.*' may not declare the topology"):
        await declare_topology(settings(place.url("ea-bridge")))


@pytest.mark.parametrize(
    ("role", "exchanges", "queue"),
    [
        ("sync-consumer", [RETRY, DEAD, EVENTS], ACCOUNTS),
        ("sizing-worker", [RETRY, DEAD, EVENTS, "lotwise.config.changed"], SIZING),
        ("config-service", [DEAD, EVENTS, "lotwise.config.changed"], "lotwise.config"),
    ],
)
async def test_a_service_may_look_whether_what_it_uses_is_there(
    place: Place, role: str, exchanges: list[str], queue: str
) -> None:
    await verify_names(settings(place.url(role)), exchanges=exchanges, queues=[queue])


async def test_all_that_is_missing_is_named_at_once(place: Place) -> None:
    with pytest.raises(DeploymentError, match=r"lacks exchange no\.such, queue nor\.this; run `lotwise topology`"):
        await verify_names(
            settings(place.virtual_host.amqp_url), exchanges=[RETRY, "no.such"], queues=["nor.this", ACCOUNTS]
        )


async def test_a_broker_that_does_not_let_us_look_is_no_reason_to_wait(place: Place) -> None:
    async with Strict(place.url("sizing-worker"), ending=SIZING) as proxy:
        with pytest.raises(DeploymentError, match=r"see whether queue lotwise\.sizing is there: .*`lotwise users`"):
            await verify_names(settings(proxy.url), exchanges=[RETRY], queues=[SIZING])


async def test_a_wrong_password_is_no_reason_to_wait(virtual_host: VirtualHost) -> None:
    head, _, place = virtual_host.amqp_url.rpartition("@")
    wrong = f"{head.rpartition(':')[0]}:not-this@{place}"

    with pytest.raises(DeploymentError, match=r"LOTWISE_AMQP_URL: the broker refuses user") as raised:
        await refuse_bad_credentials(settings(wrong))

    assert "not-this" not in str(raised.value)


async def test_a_missing_virtual_host_is_no_reason_to_wait(virtual_host: VirtualHost) -> None:
    with pytest.raises(DeploymentError, match=r"LOTWISE_AMQP_URL: the broker has no virtual host 'no-such'"):
        await refuse_bad_credentials(settings(virtual_host.amqp_url.replace(virtual_host.name, "no-such")))


async def test_a_broker_that_is_away_is_waited_for() -> None:
    with pytest.raises(DependencyError):
        await refuse_bad_credentials(settings("amqp://guest:guest@127.0.0.1:1/"))
