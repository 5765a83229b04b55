"""RabbitMQ over TLS: what `amqps://` verifies, and the one word that makes it not verify."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from dev.servers.broker import Broker
from shared.errors import DeploymentError
from shared.messaging.link import BrokerSettings, open_link, refuse_bad_credentials


def by(broker: Broker, query: str, *, host: str = "localhost") -> BrokerSettings:
    """The TLS port of the broker by a host name, and how to trust it."""
    credentials = broker.amqp_url.removeprefix("amqp://").rpartition("@")[0]
    return BrokerSettings(amqp_url=SecretStr(f"amqps://{credentials}@{host}:{broker.tls_port}/?{query}"))


async def is_connected(settings: BrokerSettings) -> bool:
    async with open_link(settings, name="test") as link:
        return not link.lost.is_set()


async def refusal(settings: BrokerSettings) -> str:
    """How a service is told at its start."""
    with pytest.raises(DeploymentError) as raised:
        await refuse_bad_credentials(settings)
    return str(raised.value)


async def test_a_broker_with_the_right_certificate_is_connected_to(tls_broker: Broker, right: Path) -> None:
    assert await is_connected(by(tls_broker, f"cafile={right}"))


async def test_a_broker_of_another_authority_is_not_believed(tls_broker: Broker, wrong: Path) -> None:
    told = await refusal(by(tls_broker, f"cafile={wrong}"))

    assert told.startswith("LOTWISE_AMQP_URL: the broker's certificate is not believed: ")


async def test_a_broker_of_another_name_is_not_believed(tls_broker: Broker, right: Path) -> None:
    told = await refusal(by(tls_broker, f"cafile={right}", host="127.0.0.1"))

    assert told.startswith("LOTWISE_AMQP_URL: the broker's certificate is not believed: ")
    assert "127.0.0.1" in told


@pytest.mark.parametrize("query", ["", "verify_ssl=0", "verify=0", "ssl_verify=false", "no_verify_ssl=0"])
async def test_a_broker_is_verified_where_nothing_says_otherwise(tls_broker: Broker, query: str) -> None:
    assert "not believed" in await refusal(by(tls_broker, query))


@pytest.mark.parametrize("value", ["1", "true", "", "false"])
async def test_every_value_but_0_makes_the_driver_not_verify(tls_broker: Broker, value: str) -> None:
    """Which is why production refuses them all."""
    assert await is_connected(by(tls_broker, f"no_verify_ssl={value}", host="127.0.0.1"))
