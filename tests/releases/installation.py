"""Lotwise as an operator installs it: by the commands of whichever release, on a broker and a database of its own."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from dev.servers.databases import create_database
from dev.servers.management import Management
from dev.stack.processes import ROLE_OF, Service, ServiceProcess
from dev.stack.tokens import TokenIssuer
from dev.stack.workspace import FULL, run_command
from dev.waiting import eventually
from shared.cli.roles import OWNER_PASSWORD_VARIABLE, PASSWORD_VARIABLES
from shared.cli.users import password_variable, password_variables
from shared.client import ConfigClient
from shared.database.engine import asyncpg_url
from shared.database.privileges import role_name
from shared.messaging.topology import PARKED_QUEUES
from tests.faults.counts import Counts, count
from tests.faults.system import Nodes
from tests.faults.traffic import Traffic

NAME = "lotwise"
"""Of the virtual host, of the database and of the prefix of its roles."""
SETUP = ("roles", "migrate", "topology", "users")
"""What `setup` of docker-compose.yml runs."""
DRAIN_TIMEOUT_S = 60.0

Release = Mapping[str, str]
"""The variables under which Python runs a release."""
THIS: Release = {}


@dataclass(slots=True)
class Installation:
    """A virtual host, a database, the passwords of all roles, and the services of any release on them."""

    nodes: Nodes
    logs: Path
    tokens: TokenIssuer = field(default_factory=TokenIssuer)
    services: list[ServiceProcess] = field(default_factory=list)
    _passwords: dict[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Make what an operator has before Lotwise comes: an empty virtual host and an empty database."""
        names = [OWNER_PASSWORD_VARIABLE, *PASSWORD_VARIABLES.values(), *password_variables().values()]
        self._passwords = {name: secrets.token_hex(32) for name in names}
        operator = urlsplit(self.nodes.broker.amqp_url).username
        with Management(self.nodes.broker.api_url) as management:
            management.create_vhost(NAME)
            management.load({"permissions": [{"user": operator, "vhost": NAME, **FULL}]})
        create_database(self.nodes.database.database_url, NAME)

    def set_up(self, release: Release) -> None:
        """Roles, schema, grants, topology and users, by the commands of a release."""
        operator = {
            "LOTWISE_DATABASE_URL": self._database_url(),
            "LOTWISE_AMQP_URL": self._amqp_url(),
            "LOTWISE_RABBITMQ_API_URL": self.nodes.broker.api_url,
        }
        for name in SETUP:
            run_command(name, {**operator, **self._passwords, **release})

    def launch(self, service: Service, release: Release) -> ServiceProcess:
        """Start one process of a service of a release, and wait until it is ready."""
        role = ROLE_OF[service]
        database_role = role_name(NAME, service)
        settings = {
            "LOTWISE_AMQP_URL": self.amqp_url_of(role),
            "LOTWISE_DATABASE_URL": self._database_url(
                f"{database_role}:{self._passwords[PASSWORD_VARIABLES[service]]}"
            ),
            **self.tokens.environment(),
            **release,
        }
        name = f"{service}-{len(self.services) + 1}"
        process = ServiceProcess(service, name=name, ledger=self.nodes.ledger, settings=settings, logs=self.logs)
        process.start()
        process.wait_ready()
        self.services.append(process)
        return process

    def amqp_url_of(self, role: str) -> str:
        """The broker, as the user of a role."""
        return self._amqp_url(f"{role}:{self._passwords[password_variable(role)]}")

    def traffic(self) -> Traffic:
        """An EA bridge and a signal engine."""
        return Traffic(self.amqp_url_of("ea-bridge"), self.amqp_url_of("signal-engine"))

    def owner(self) -> ConfigClient:
        """Who turns the dial."""
        return ConfigClient(self.amqp_url_of("owner"), token=self.tokens.token("owner-1", "owner"))

    async def counts(self, traffic: Traffic) -> Counts:
        """What became of all that was sent, once everything has come to the tables."""
        found = Counts.none()
        engine = create_async_engine(asyncpg_url(self._database_url()), poolclass=NullPool)

        async def is_clean() -> bool:
            nonlocal found
            found = await count(engine, traffic.requests, traffic.snapshots, parked=self._parked())
            return found.is_clean

        with suppress(AssertionError):  # then the counts say what is wrong
            await eventually(is_clean, timeout_s=DRAIN_TIMEOUT_S)
        await engine.dispose()
        return found

    def _parked(self) -> list[str]:
        with Management(self.nodes.broker.api_url) as management:
            return [
                f"{queue.name} {one.message_id}" for queue in PARKED_QUEUES for one in management.peek(NAME, queue.name)
            ]

    def _amqp_url(self, credentials: str | None = None) -> str:
        return _url(self.nodes.broker.amqp_url, credentials)

    def _database_url(self, credentials: str | None = None) -> str:
        return _url(self.nodes.database.database_url, credentials)


def _url(url: str, credentials: str | None) -> str:
    """The operator's URL with another place and, if given, another user."""
    parts = urlsplit(url)
    own, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{credentials or own}@{place}", path=f"/{NAME}"))
