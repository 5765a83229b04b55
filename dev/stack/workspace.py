"""A place of our own inside a broker and a database server: a vhost, a database, users of both; made whole, removed.

Nothing that stands in the servers already is touched: names carry a random part, but for those of the one workspace
that private servers are started for. Roles and broker users are the whole server's, so theirs do too.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from pydantic import SecretStr

from dev.runs.ledger import MadeObject, ServersRow
from dev.servers.databases import copy_database, create_database, drop_database, drop_role
from dev.servers.management import Management
from dev.tree import ROOT
from shared.cli.role_making import operator_transaction, plan_of
from shared.database.privileges import owner_role, role_name, role_names
from shared.database.roles import RoleSettings, make_roles
from shared.errors import DependencyError, DeploymentError
from shared.messaging.definitions import definitions
from shared.messaging.permissions import SALT_BYTES, user_row
from shared.messaging.topology import ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dev.servers.provider import Servers

COMMAND_TIMEOUT_S = 60.0
FULL = {"configure": ".*", "write": ".*", "read": ".*"}
NAME = "lotwise"
ROLE_CONNECTIONS = 250
"""Of a service's database role: more replicas than anybody starts here, still fewer than the server takes."""


class WorkspaceError(Exception):
    """Migrating or declaring failed; the message holds what the command said."""


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """One vhost with the whole topology in it."""

    name: str
    amqp_url: str = field(repr=False)
    """The privileged URL."""
    role_urls: Mapping[str, str] = field(repr=False)
    """The AMQP URL of each role of `shared.messaging.topology.ROLES`, by the role's name."""


class Workspace:
    """A migrated database, a vhost with the topology, and users of both; more of both, cheaply, for single tests."""

    def __init__(self, servers: Servers, name: str) -> None:
        self.servers = servers
        self.name = name
        suffix = name.removeprefix(NAME).replace("_", "-")
        self.users = {role.name: f"{role.name}{suffix}" for role in ROLES}
        self._passwords = {role.name: secrets.token_urlsafe(24) for role in ROLES}
        self.database_roles = [owner_role(name), *role_names(name)]
        """Of the database server; their prefix is the workspace's name."""
        self._role_passwords = {role: secrets.token_urlsafe(24) for role in self.database_roles}
        self._management = Management(servers.rabbitmq_api_url)
        self.virtual_host = VirtualHost(name, self._amqp_url(name), self._role_urls(name))
        self.database_url = ""
        """The privileged URL."""

    @property
    def rabbitmq_api_url(self) -> str:
        """The management API with the administrator's credentials."""
        return self.servers.rabbitmq_api_url

    def set_up(self) -> None:
        """Make all of it; `tear_down` removes it. Raises WorkspaceError, ManagementError or DatabaseError."""
        for user in self.users.values():
            self._note("user", user)
        for role in self.database_roles:
            self._note("role", role)
        with ThreadPoolExecutor(2) as threads:
            for done in [threads.submit(self._declare), threads.submit(self._migrate)]:
                done.result()

    def tear_down(self) -> None:
        """Remove vhost, databases and users; safe to repeat."""
        self._management.delete_vhost(self.name)
        for user in self.users.values():
            self._management.delete_user(user)
        self.close()
        for database in (self.name, self._template):
            drop_database(self.servers.database_url, database)
        for role in self.database_roles:
            drop_role(self.servers.database_url, role)

    def service_url(self, service: str, database_url: str | None = None) -> str:
        """A service's own URL, with its database role, of the workspace's database or of another one made here."""
        return self._as_role(role_name(self.name, service), database_url or self.database_url)

    def owner_url(self, database_url: str | None = None) -> str:
        """The same of the role that owns the database."""
        return self._as_role(owner_role(self.name), database_url or self.database_url)

    def close(self) -> None:
        """Let go of the management API; what was made stays."""
        self._management.close()

    @contextmanager
    def new_virtual_host(self) -> Iterator[VirtualHost]:
        """Make a vhost with the whole topology and every role's permissions, for one test; removed afterwards."""
        name = f"{self.name}_{secrets.token_hex(4)}"
        try:
            self._make_vhost(name)
            yield VirtualHost(name, self._amqp_url(name), self._role_urls(name))
        finally:
            self._management.delete_vhost(name)

    @contextmanager
    def new_database(self, *, empty: bool = False) -> Iterator[str]:
        """Make a database for one test, migrated unless `empty`, and give its privileged URL; dropped afterwards."""
        name = f"{self.name}_{secrets.token_hex(4)}"
        try:
            yield self._create_empty(name) if empty else self._copy_template(name)
        finally:
            drop_database(self.servers.database_url, name)

    def _declare(self) -> None:
        self._management.load({"users": [self._user(role) for role in self.users]})
        self._make_vhost(self.name)

    def _migrate(self) -> None:
        url = self._create_empty(self._template)
        asyncio.run(self._make_roles(url))
        as_owner = {"LOTWISE_DATABASE_URL": self.owner_url(url), "LOTWISE_DATABASE_ROLE_PREFIX": self.name}
        run_command("migrate", as_owner)
        self.database_url = self._copy_template(self.name)

    async def _make_roles(self, url: str) -> None:
        """What `lotwise roles` does, without starting one more process."""
        settings = RoleSettings(
            database_url=SecretStr(url),
            database_role_prefix=self.name,
            database_role_connections=ROLE_CONNECTIONS,
        )
        try:
            async with operator_transaction(settings) as connection:
                await make_roles(connection, plan_of(settings), passwords=self._role_passwords)
        except (DeploymentError, DependencyError) as error:
            raise WorkspaceError(f"the database's roles: {error}") from error

    @property
    def _template(self) -> str:
        return f"{self.name}_template"

    def _create_empty(self, name: str) -> str:
        self._note("database", name)
        return create_database(self.servers.database_url, name)

    def _copy_template(self, name: str) -> str:
        self._note("database", name)
        owner, *services = self.database_roles
        return copy_database(self.servers.database_url, name, template=self._template, owner=owner, connecting=services)

    def _make_vhost(self, name: str) -> None:
        self._note("vhost", name)
        operator = unquote(urlsplit(self.servers.amqp_url).username or "guest")
        whole = definitions(name, users=self.users)
        whole["permissions"].append({"user": operator, "vhost": name, **FULL})
        self._management.load(whole)

    def _user(self, role: str) -> dict[str, str]:
        return user_row(self.users[role], self._passwords[role], salt=secrets.token_bytes(SALT_BYTES))

    def _role_urls(self, vhost: str) -> dict[str, str]:
        return {role: self._amqp_url(vhost, f"{self.users[role]}:{self._passwords[role]}") for role in self.users}

    def _as_role(self, role: str, database_url: str) -> str:
        parts = urlsplit(database_url)
        place = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{role}:{self._role_passwords[role]}@{place}"))

    def _amqp_url(self, vhost: str, credentials: str | None = None) -> str:
        parts = urlsplit(self.servers.amqp_url)
        own, _, place = parts.netloc.rpartition("@")
        netloc = f"{credentials or own}@{place}" if credentials or own else place
        return urlunsplit(parts._replace(netloc=netloc, path="/" + quote(vhost, safe="")))

    def _note(self, kind: Any, name: str) -> None:
        """Private servers go as a whole; what was made in given ones must be removed piece by piece."""
        if self.servers.is_given:
            self.servers.ledger.note_made(MadeObject(kind, name, self._row()))

    def _row(self) -> ServersRow:
        return {
            "amqp_url": self.servers.amqp_url,
            "rabbitmq_api_url": self.servers.rabbitmq_api_url,
            "database_url": self.servers.database_url,
        }


def make_workspace(servers: Servers) -> Workspace:
    """Make a workspace that ends with the servers, or when their ledger is swept."""
    name = f"{NAME}_{secrets.token_hex(4)}" if servers.is_given else NAME
    made = Workspace(servers, name)
    made.set_up()
    return made


@contextmanager
def workspace(servers: Servers) -> Iterator[Workspace]:
    """Provide a workspace for the length of the block."""
    made = Workspace(servers, f"{NAME}_{secrets.token_hex(4)}")
    try:
        made.set_up()
        yield made
    finally:
        made.tear_down()


def run_command(name: str, environment: Mapping[str, str]) -> None:
    """Run `lotwise NAME` as an operator would; raises WorkspaceError with what it said."""
    ended = subprocess.run(
        [sys.executable, "-m", "shared.cli", name],
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
    )
    if ended.returncode != 0:
        raise WorkspaceError(f"`lotwise {name}` ended with {ended.returncode}:\n{ended.stdout.strip()}")
