"""`lotwise topology`: declare what `shared.messaging.topology` says, or name how the broker differs from it."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from pydantic import SecretStr
from yarl import URL

from shared.cli.terminal import EXIT_DIFFERENT, clear_failures, say
from shared.messaging.comparison import differences, read_broker
from shared.messaging.declaration import declare_topology
from shared.messaging.link import BrokerSettings, refuse_bad_credentials
from shared.messaging.topology import BINDINGS, EXCHANGES, QUEUES
from shared.settings import HttpUrl, load

API_PORTS = {"amqp": ("http", 15672), "amqps": ("https", 15671)}
"""Scheme and port of the management API beside those of AMQP."""


class TopologySettings(BrokerSettings):
    """Where the operator's topology command finds the broker, and its management API for `--check`."""

    rabbitmq_api_url: HttpUrl | None = None

    @property
    def api_url(self) -> SecretStr:
        """The management API with its credentials: as given, else the AMQP host and credentials on its usual port."""
        if self.rabbitmq_api_url is not None:
            return self.rabbitmq_api_url
        amqp = URL(self.amqp_url.get_secret_value())
        scheme, port = API_PORTS[amqp.scheme]
        return SecretStr(str(amqp.with_scheme(scheme).with_port(port).with_path("").with_query(None)))


def topology(
    check: Annotated[  # noqa: FBT002 - typer's way to declare a flag
        bool, typer.Option("--check", help="Change nothing; name each difference, one a line, and exit 1 if any.")
    ] = False,
) -> None:
    """Declare every exchange, queue and binding that Lotwise uses; what stands already is left as it is.

    Reads LOTWISE_AMQP_URL; with --check also LOTWISE_RABBITMQ_API_URL (http://user:password@host:15672 by default,
    https and 15671 beside amqps://, with the AMQP URL's host and credentials).
    """
    with clear_failures():
        settings = load(TopologySettings)
        if check:
            _check(settings)
        else:
            asyncio.run(_declare(settings))


async def _declare(settings: TopologySettings) -> None:
    await refuse_bad_credentials(settings)
    await declare_topology(settings)
    say(f"topology declared in virtual host {settings.virtual_host}: {_size()}; what stood already is as it was")


def _check(settings: TopologySettings) -> None:
    found = differences(read_broker(settings.api_url.get_secret_value(), settings.virtual_host))
    for difference in found:
        say(str(difference))
    if found:
        raise typer.Exit(EXIT_DIFFERENT)
    say(f"virtual host {settings.virtual_host} has exactly the topology of this release: {_size()}")


def _size() -> str:
    return f"{len(EXCHANGES)} exchanges, {len(QUEUES)} queues, {len(BINDINGS)} bindings"
