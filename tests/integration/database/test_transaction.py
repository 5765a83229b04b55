"""What PostgreSQL's errors mean: waiting helps, or it does not."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.database.engine import DatabaseSettings, connect_database
from shared.database.transaction import check_database, ping, transaction
from shared.errors import DependencyError, DeploymentError
from tests.counting import told

RAISE = "DO $$ BEGIN RAISE EXCEPTION 'for the test' USING ERRCODE = '{}'; END $$"


async def rows(database: AsyncEngine) -> int:
    async with database.connect() as connection:
        count: int = (await connection.execute(text("SELECT count(*) FROM user_mt5_sync_logs"))).scalar_one()
        return count


async def write(connection: AsyncConnection) -> None:
    await connection.execute(
        text("INSERT INTO user_mt5_sync_logs (operation, sync_status) VALUES ('snapshot', 'applied')")
    )


async def terminate(database: AsyncEngine, connection: AsyncConnection) -> None:
    pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    async with database.connect() as other:
        await other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


async def test_what_ends_well_is_committed(service_engine: AsyncEngine, database: AsyncEngine) -> None:
    async with transaction(service_engine) as connection:
        await write(connection)

    assert await rows(database) == 1


async def test_any_exception_rolls_back(service_engine: AsyncEngine, database: AsyncEngine) -> None:
    async def fail() -> None:
        async with transaction(service_engine) as connection:
            await write(connection)
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert await rows(database) == 0


async def test_cancellation_rolls_back_and_is_raised(service_engine: AsyncEngine, database: AsyncEngine) -> None:
    written = asyncio.Event()

    async def work() -> None:
        async with transaction(service_engine) as connection:
            await write(connection)
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await written.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert await rows(database) == 0


async def test_a_backend_that_is_terminated_is_a_dependency(service_engine: AsyncEngine, database: AsyncEngine) -> None:
    async def lose() -> None:
        async with transaction(service_engine) as connection:
            await write(connection)
            await terminate(database, connection)
            await write(connection)

    with pytest.raises(DependencyError):
        await lose()
    assert await rows(database) == 0


async def test_a_backend_that_is_terminated_before_the_commit_is_a_dependency(
    service_engine: AsyncEngine, database: AsyncEngine
) -> None:
    async def lose() -> None:
        async with transaction(service_engine) as connection:
            await write(connection)
            await terminate(database, connection)

    with pytest.raises(DependencyError):
        await lose()


async def test_after_a_terminated_backend_the_next_transaction_works(
    service_engine: AsyncEngine, database: AsyncEngine
) -> None:
    async def lose() -> None:
        async with transaction(service_engine) as connection:
            await terminate(database, connection)
            await write(connection)

    with pytest.raises(DependencyError):
        await lose()
    await ping(service_engine)


async def test_an_idle_connection_that_was_terminated_is_replaced_unseen(
    service_engine: AsyncEngine, database: AsyncEngine
) -> None:
    await ping(service_engine)
    async with database.connect() as other:
        await other.execute(
            text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'test'")
        )

    await ping(service_engine)


async def test_a_lock_that_another_holds_is_a_dependency(service_engine: AsyncEngine, database: AsyncEngine) -> None:
    async with database.begin() as holder:
        await holder.execute(text("SELECT * FROM risk_configuration FOR UPDATE"))

        with pytest.raises(DependencyError, match="lock timeout"):
            async with transaction(service_engine) as connection:
                await connection.execute(text("SELECT * FROM risk_configuration FOR UPDATE"))


async def test_a_statement_that_takes_too_long_is_a_dependency(common_service_engine: AsyncEngine) -> None:
    with pytest.raises(DependencyError, match="statement timeout"):
        async with transaction(common_service_engine) as connection:
            await connection.execute(text("SELECT pg_sleep(10)"))


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300", "53100", "08006"])
async def test_what_passes_by_itself_is_a_dependency(common_service_engine: AsyncEngine, sqlstate: str) -> None:
    with pytest.raises(DependencyError, match="for the test"):
        async with transaction(common_service_engine) as connection:
            await connection.execute(text(RAISE.format(sqlstate)))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 / 0",
        "SELECT 'x'::integer",
        "SELECT '\\u0000'::json ->> 0",
        "UPDATE risk_configuration SET id = 2",
        "SELECT * FROM no_such_table",
        RAISE.format("P0001"),
    ],
)
async def test_a_bug_or_wrong_data_is_no_dependency(common_service_engine: AsyncEngine, statement: str) -> None:
    with pytest.raises(DBAPIError):
        async with transaction(common_service_engine) as connection:
            await connection.execute(text(statement))


async def test_a_pool_that_is_used_up_is_a_dependency(database_url: str) -> None:
    engine = connect_database(
        DatabaseSettings(database_url=SecretStr(database_url), database_pool_size=1), application="test"
    )
    engine.sync_engine.pool._timeout = 0.1  # type: ignore[attr-defined]  # noqa: SLF001  not to wait five seconds
    async with transaction(engine):
        with pytest.raises(DependencyError, match="no database connection became free"):
            await ping(engine)
    await engine.dispose()


async def test_the_metrics_tell_how_many_connections_a_pool_may_have_and_how_many_are_in_use(database_url: str) -> None:
    def in_use() -> float | None:
        return told("lotwise_database_pool_in_use", pool="main")

    engine = connect_database(
        DatabaseSettings(database_url=SecretStr(database_url), database_pool_size=3), application="test"
    )
    async with transaction(engine), transaction(engine):
        in_two_transactions = in_use()

    assert told("lotwise_database_pool_size", pool="main") == 3
    assert (in_two_transactions, in_use()) == (2, 0)
    await engine.dispose()


@pytest.mark.parametrize(
    "url", ["postgresql://nobody:x@127.0.0.1:1/nothing", "postgresql://nobody:x@no-such-host.invalid/nothing"]
)
async def test_a_database_that_cannot_be_reached_is_a_dependency(url: str) -> None:
    engine = connect_database(DatabaseSettings(database_url=SecretStr(url)), application="test")

    with pytest.raises(DependencyError, match="cannot be reached"):
        await check_database(engine)

    await engine.dispose()


async def checked(url: str) -> None:
    engine = connect_database(DatabaseSettings(database_url=SecretStr(url)), application="test")
    try:
        await check_database(engine)
    finally:
        await engine.dispose()


async def test_a_migrated_database_is_good(database_url: str) -> None:
    await checked(database_url)


async def test_an_empty_database_needs_the_operator(empty_database_url: str) -> None:
    with pytest.raises(DeploymentError, match=r"has no tables yet; run `lotwise migrate`"):
        await checked(empty_database_url)


async def test_an_older_database_needs_the_operator(database_url: str, database: AsyncEngine) -> None:
    async with database.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))

    with pytest.raises(DeploymentError, match=r"is at migration 0001, this release needs \d+; run `lotwise migrate`"):
        await checked(database_url)


async def test_a_database_that_was_downgraded_needs_the_operator(database_url: str, database: AsyncEngine) -> None:
    async with database.begin() as connection:
        await connection.execute(text("DELETE FROM alembic_version"))

    with pytest.raises(DeploymentError, match=r"is at migration none"):
        await checked(database_url)


async def test_a_newer_database_is_good(database_url: str, database: AsyncEngine) -> None:
    """The migrations go first; releases that still run must keep running."""
    async with database.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    await checked(database_url)


async def test_a_wrong_password_needs_the_operator(database_url: str) -> None:
    user, _, place = database_url.rpartition("@")
    wrong = f"{user.rpartition(':')[0]}:not-this@{place}"

    with pytest.raises(DeploymentError, match=r"LOTWISE_DATABASE_URL: the database refuses us") as raised:
        await checked(wrong)

    assert "not-this" not in str(raised.value)


async def test_a_database_that_does_not_exist_needs_the_operator(database_url: str) -> None:
    with pytest.raises(DeploymentError, match=r'LOTWISE_DATABASE_URL.*"no_such" does not exist'):
        await checked(database_url.rpartition("/")[0] + "/no_such")
