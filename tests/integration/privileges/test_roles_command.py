"""`lotwise roles` and `lotwise migrate`: an installation made, mended, taken over from a release without roles."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner, Result

from dev.servers.databases import (
    create_database,
    drop_database,
    drop_role,
    roles_like,
    run_statement,
    with_database,
)
from dev.servers.provider import Servers
from shared.cli.__main__ import app
from tests.integration.privileges.attempts import is_refused
from tests.integration.privileges.conftest import connected

SERVICES = ("sync_consumer", "sizing_worker", "config_service")
PASSWORD = "sixteen letters: '\\$ and more"


@dataclass(slots=True)
class Installation:
    """A database and roles of the test's own, in a server that has others; `url` is the operator's."""

    url: str
    prefix: str

    @property
    def owner(self) -> str:
        return f"{self.prefix}_owner"

    def role(self, service: str) -> str:
        return f"{self.prefix}_{service}"

    def url_of(self, role: str, password: str | None = None) -> str:
        """The URL of a role, with the password it was given or another one."""
        secret = quote(password or PASSWORD, safe="")
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=f"{role}:{secret}@{parts.netloc.rpartition('@')[2]}"))

    async def lotwise(self, *arguments: str, **settings: str) -> Result:
        """Run the command as the operator; in a thread, for it runs an event loop of its own."""
        variables = {
            "LOTWISE_DATABASE_URL": self.url,
            "LOTWISE_DATABASE_ROLE_PREFIX": self.prefix,
            "LOTWISE_DATABASE_OWNER_PASSWORD": PASSWORD,
            **{f"LOTWISE_{service.upper()}_DATABASE_PASSWORD": PASSWORD for service in SERVICES},
        }
        return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env={**variables, **settings})

    async def set_up(self) -> None:
        """Roles, then tables and grants."""
        for command in ("roles", "migrate"):
            ended = await self.lotwise(command)
            assert ended.exit_code == 0, ended.output

    async def differences(self) -> list[str]:
        """What `lotwise roles --check` names."""
        ended = await self.lotwise("roles", "--check")
        lines = ended.stdout.splitlines()
        return lines if ended.exit_code else []

    async def run(self, statement: str) -> None:
        """Do something by hand, as the operator."""
        await asyncio.to_thread(run_statement, self.url, statement)


@pytest.fixture
def installation(provided_servers: Servers) -> Iterator[Installation]:
    name = f"lotwise_{secrets.token_hex(4)}"
    made = Installation(create_database(provided_servers.database_url, name), name)
    yield made
    drop_database(provided_servers.database_url, name)
    for role in roles_like(provided_servers.database_url, name):
        drop_role(provided_servers.database_url, role)


async def test_a_new_installation_is_exactly_as_it_should_be(installation: Installation) -> None:
    await installation.set_up()

    assert await installation.differences() == []


async def test_both_commands_change_nothing_when_they_are_run_again(installation: Installation) -> None:
    await installation.set_up()

    roles, migrate = await installation.lotwise("roles"), await installation.lotwise("migrate")

    assert (roles.exit_code, migrate.exit_code) == (0, 0)
    assert "made" not in roles.stdout.rpartition("\n  ")[0]
    assert migrate.stdout.splitlines()[-1] == "every service's role has exactly what it needs already"
    assert await installation.differences() == []


async def test_a_role_connects_with_its_password_and_with_no_other(installation: Installation) -> None:
    await installation.set_up()
    role = installation.role("sizing_worker")

    async with connected(installation.url_of(role)) as connection:
        assert (await connection.execute(text("SELECT current_user"))).scalar() == role
    with pytest.raises(DBAPIError, match="password authentication failed"):
        async with connected(installation.url_of(role, "another-password")):
            pass


async def test_a_changed_password_takes_effect(installation: Installation) -> None:
    await installation.set_up()

    await installation.lotwise("roles", LOTWISE_SIZING_WORKER_DATABASE_PASSWORD="the-password-of-today")

    async with connected(installation.url_of(installation.role("sizing_worker"), "the-password-of-today")):
        pass


async def test_the_server_is_given_a_verifier_and_never_a_password(installation: Installation) -> None:
    await installation.set_up()

    async with connected(installation.url) as operator:
        stored = await operator.execute(
            text("SELECT rolpassword FROM pg_authid WHERE rolname LIKE :ours"), {"ours": f"{installation.prefix}%"}
        )
        verifiers = list(stored.scalars())

    assert len(set(verifiers)) == 4
    assert all(verifier.startswith("SCRAM-SHA-256$4096:") for verifier in verifiers)


@pytest.mark.parametrize(
    ("by_hand", "named"),
    [
        ("GRANT UPDATE ON decisions TO {0}_sizing_worker", "{0}_sizing_worker has, and should not: UPDATE on table"),
        ("GRANT SELECT ON decisions TO PUBLIC", "PUBLIC has, and should not: SELECT on table decisions"),
        ("GRANT SELECT ON user_mt5_sync_logs_default TO {0}_sizing_worker", "user_mt5_sync_logs_default"),
        ("GRANT UPDATE (user_id) ON user_mt5_accounts TO {0}_sync_consumer", "UPDATE (user_id) on table"),
        ("GRANT SELECT ON decisions TO {0}_sizing_worker WITH GRANT OPTION", "SELECT on table decisions with grant"),
        ("GRANT EXECUTE ON FUNCTION lotwise_create_partitions TO PUBLIC", "PUBLIC has, and should not: EXECUTE"),
        ("REVOKE INSERT ON decisions FROM {0}_sizing_worker", "{0}_sizing_worker lacks INSERT on table decisions"),
    ],
)
async def test_a_grant_changed_by_hand_is_named_and_then_mended_by_migrate(
    installation: Installation, by_hand: str, named: str
) -> None:
    await installation.set_up()
    await installation.run(by_hand.format(installation.prefix))

    before = await installation.differences()
    mended = await installation.lotwise("migrate")

    assert len([line for line in before if named.format(installation.prefix) in line]) == 1
    assert mended.exit_code == 0
    assert await installation.differences() == []


@pytest.mark.parametrize(
    ("by_hand", "named"),
    [
        ("GRANT {0}_owner TO {0}_sizing_worker", "role {0}_sizing_worker: is a member of {0}_owner"),
        ("ALTER ROLE {0}_sizing_worker CREATEROLE", "role {0}_sizing_worker: NOCREATEROLE"),
        ("ALTER ROLE {0}_sizing_worker SUPERUSER", "role {0}_sizing_worker: NOSUPERUSER"),
        ("ALTER ROLE {0}_sizing_worker CONNECTION LIMIT -1", "role {0}_sizing_worker: CONNECTION LIMIT 50"),
        ("GRANT CONNECT ON DATABASE {0} TO PUBLIC", "PUBLIC has, and should not: CONNECT on database {0}"),
        ("GRANT TEMPORARY ON DATABASE {0} TO {0}_sync_consumer", "{0}_sync_consumer has, and should not: TEMPORARY"),
        ("GRANT CREATE ON SCHEMA public TO PUBLIC", "PUBLIC has, and should not: CREATE on schema public"),
        ("ALTER TABLE decisions OWNER TO CURRENT_USER", "table decisions is owned by"),
    ],
)
async def test_a_role_or_place_changed_by_hand_is_named_and_then_mended_by_roles(
    installation: Installation, by_hand: str, named: str
) -> None:
    await installation.set_up()
    await installation.run(by_hand.format(installation.prefix))

    before = await installation.differences()
    mended = await installation.lotwise("roles")
    await installation.lotwise("migrate")

    assert any(named.format(installation.prefix) in line for line in before)
    assert mended.exit_code == 0, mended.output
    assert await installation.differences() == []


async def test_without_roles_migrate_says_so_and_goes_on(installation: Installation) -> None:
    migrated = await installation.lotwise("migrate")

    assert migrated.exit_code == 0
    assert f"not by {installation.owner}; `lotwise roles` makes the roles" in migrated.stdout


async def test_the_tables_of_a_release_without_roles_are_handed_over(installation: Installation) -> None:
    await installation.lotwise("migrate")

    await installation.set_up()

    assert await installation.differences() == []


async def test_what_a_superuser_migrates_is_the_owner_s(installation: Installation) -> None:
    await installation.set_up()

    async with connected(installation.url) as operator:
        owners = set(
            (await operator.execute(text("SELECT tableowner FROM pg_tables WHERE schemaname = 'public'"))).scalars()
        )

    assert owners == {installation.owner}


async def test_the_owner_role_itself_migrates(installation: Installation) -> None:
    await installation.lotwise("roles")

    migrated = await installation.lotwise("migrate", LOTWISE_DATABASE_URL=installation.url_of(installation.owner))

    assert migrated.exit_code == 0, migrated.output
    assert await installation.differences() == []


async def test_a_service_s_role_cannot_migrate(installation: Installation) -> None:
    await installation.set_up()

    migrated = await installation.lotwise(
        "migrate", LOTWISE_DATABASE_URL=installation.url_of(installation.role("config_service"))
    )

    assert migrated.exit_code == 78
    assert "permission denied" in migrated.stderr


async def test_an_operator_who_is_no_superuser_can_set_it_up(installation: Installation) -> None:
    operator = f"{installation.prefix}_operator"
    await installation.run(f"CREATE ROLE {operator} LOGIN CREATEROLE CREATEDB PASSWORD 'the-operator-s-password'")
    await installation.run(f"ALTER DATABASE {installation.prefix} OWNER TO {operator}")
    installation.url = installation.url_of(operator, "the-operator-s-password")

    await installation.set_up()

    assert await installation.differences() == []


async def test_two_installations_share_a_server_and_not_their_data(
    installation: Installation, provided_servers: Servers
) -> None:
    await installation.set_up()
    other = Installation(
        create_database(provided_servers.database_url, f"{installation.prefix}_b"), f"{installation.prefix}_b"
    )
    try:
        await other.set_up()
        with pytest.raises(Exception, match="permission denied for database"):
            async with connected(with_database(installation.url_of(installation.role("sizing_worker")), other.prefix)):
                pass
    finally:
        drop_database(provided_servers.database_url, other.prefix)


async def test_a_row_of_history_cannot_be_changed_where_roles_were_just_made(installation: Installation) -> None:
    await installation.set_up()

    async with connected(installation.url_of(installation.role("config_service"))) as connection:
        assert await is_refused(connection, "UPDATE risk_configuration_history SET updated_by = 'nobody'")


async def test_the_server_s_own_database_is_not_taken_over(
    provided_servers: Servers, installation: Installation
) -> None:
    installation.url = with_database(provided_servers.database_url, "postgres")

    ended = await installation.lotwise("roles")

    assert ended.exit_code == 78
    assert "postgres is the server's own database" in ended.stderr
