"""PostgreSQL over TLS: libpq's `sslmode` in LOTWISE_DATABASE_URL, for services, migrations and commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from dev.servers.databases import create_database, drop_database
from dev.servers.postgres import Cluster
from dev.stack.workspace import WorkspaceError, run_command
from shared.database.engine import DatabaseSettings, connect_database
from shared.database.transaction import check_database
from shared.errors import DeploymentError


@pytest.fixture
def database(tls_cluster: Cluster) -> Iterator[str]:
    """An empty database of the test's own, by its address."""
    name = f"tls_{token_hex(4)}"
    yield create_database(tls_cluster.database_url, name)
    drop_database(tls_cluster.database_url, name)


def by(url: str, query: str, *, host: str = "localhost") -> str:
    """The same database by another host name, and how to trust it."""
    return f"{url.replace('127.0.0.1', host)}?{query}"


async def over_tls(url: str) -> bool:
    """Connect as a service does, and ask the server whether that was encrypted."""
    engine = connect_database(DatabaseSettings(database_url=SecretStr(url)), application="test")
    try:
        async with engine.connect() as connection:
            query = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            return bool((await connection.execute(query)).scalar())
    finally:
        await engine.dispose()


async def refusal(url: str) -> str:
    """How a service is told at its start."""
    engine = connect_database(DatabaseSettings(database_url=SecretStr(url)), application="test")
    try:
        with pytest.raises(DeploymentError) as raised:
            await check_database(engine)
    finally:
        await engine.dispose()
    return str(raised.value)


async def test_a_database_with_the_right_certificate_is_connected_to(database: str, right: Path) -> None:
    assert await over_tls(by(database, f"sslmode=verify-full&sslrootcert={right}"))


async def test_a_database_of_another_authority_is_not_believed(database: str, wrong: Path) -> None:
    told = await refusal(by(database, f"sslmode=verify-full&sslrootcert={wrong}"))

    assert told.startswith("LOTWISE_DATABASE_URL: the database's certificate is not believed: ")


async def test_a_database_of_another_name_is_not_believed(database: str, right: Path) -> None:
    told = await refusal(by(database, f"sslmode=verify-full&sslrootcert={right}", host="127.0.0.1"))

    assert told.startswith("LOTWISE_DATABASE_URL: the database's certificate is not believed: ")
    assert "127.0.0.1" in told


async def test_verify_ca_asks_for_the_authority_and_not_for_the_name(database: str, right: Path, wrong: Path) -> None:
    assert await over_tls(by(database, f"sslmode=verify-ca&sslrootcert={right}", host="127.0.0.1"))
    assert "not believed" in await refusal(by(database, f"sslmode=verify-ca&sslrootcert={wrong}", host="127.0.0.1"))


async def test_require_encrypts_and_disable_does_not(database: str) -> None:
    assert await over_tls(by(database, "sslmode=require"))
    assert not await over_tls(by(database, "sslmode=disable"))


async def test_other_parameters_may_stand_beside_sslmode(database: str, right: Path) -> None:
    url = by(database, f"sslmode=verify-full&prepared_statement_cache_size=7&sslrootcert={right}")

    assert await over_tls(url)


async def test_the_database_is_migrated_over_tls(database: str, right: Path) -> None:
    url = by(database, f"sslmode=verify-full&sslrootcert={right}")

    run_command("migrate", {"LOTWISE_DATABASE_URL": url})

    engine = connect_database(DatabaseSettings(database_url=SecretStr(url)), application="test")
    await check_database(engine)
    await engine.dispose()


async def test_a_database_that_is_not_believed_is_not_migrated(database: str, wrong: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"ended with 78:\nlotwise: LOTWISE_DATABASE_URL: the database's certif"):
        run_command("migrate", {"LOTWISE_DATABASE_URL": by(database, f"sslmode=verify-full&sslrootcert={wrong}")})
