"""A transaction on the driver's own connection: it ends as SQLAlchemy's does, and its pool gets back what is good."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from asyncpg import Connection
from asyncpg.exceptions import DivisionByZeroError, InterfaceError, InvalidCatalogNameError
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from dev.waiting import eventually
from shared.database.engine import DatabaseSettings, connect_database
from shared.database.statement import Statement
from shared.database.transaction import driver_transaction
from shared.errors import DependencyError

WRITE = Statement.of("""
    INSERT INTO user_mt5_sync_logs (operation, sync_status) SELECT 'snapshot', :status FROM generate_series(1, 2)
""")
COUNT = Statement.of("SELECT count(*) AS rows FROM user_mt5_sync_logs WHERE sync_status = :status")
APPLIED = {"status": "applied"}
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'test'"
TERMINATED = 3000
IDLE_S = 0.004
TERMINATE_SOON = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'"
TERMINATE = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'test'"


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """One connection, as a consumer has it."""
    settings = DatabaseSettings(
        database_url=SecretStr(database_url),
        database_pool_size=1,
        database_statement_timeout_seconds=1,
        database_lock_timeout_seconds=0.2,
    )
    made = connect_database(settings, application="test", for_batches=True)
    yield made
    await made.dispose()


async def count(engine: AsyncEngine) -> int:
    async with driver_transaction(engine) as connection:
        (row,) = await COUNT.fetch(connection, APPLIED)
        rows: int = row["rows"]
        return rows


async def backends(database: AsyncEngine) -> list[int]:
    async with database.connect() as connection:
        return list((await connection.execute(text(BACKENDS))).scalars())


async def terminate(database: AsyncEngine) -> None:
    """End the server's side of the connection that the engine has."""
    async with database.connect() as connection:
        await connection.execute(text(TERMINATE))


async def test_what_ends_well_is_committed_and_a_statement_tells_how_many_rows_it_wrote(engine: AsyncEngine) -> None:
    async with driver_transaction(engine) as connection:
        assert await WRITE.execute(connection, APPLIED) == 2

    assert await count(engine) == 2


async def test_a_parameter_may_stand_more_than_once(engine: AsyncEngine) -> None:
    twice = Statement.of("SELECT CAST(:a AS int) AS a, CAST(:b AS int) AS b, CAST(:a AS int) + CAST(:b AS int) AS sum")

    async with driver_transaction(engine) as connection:
        (row,) = await twice.fetch(connection, {"b": 2, "a": 1})

    assert dict(row) == {"a": 1, "b": 2, "sum": 3}


async def test_it_reads_what_others_have_committed_meanwhile(engine: AsyncEngine, database: AsyncEngine) -> None:
    async with driver_transaction(engine) as connection:
        ((before,),) = await COUNT.fetch(connection, APPLIED)
        async with database.begin() as other:
            await other.execute(text(WRITE.sql.replace("$1", "'applied'")))
        ((after,),) = await COUNT.fetch(connection, APPLIED)

    assert (before, after) == (0, 2)


async def test_any_exception_rolls_back_and_keeps_the_connection(engine: AsyncEngine, database: AsyncEngine) -> None:
    await count(engine)
    before = await backends(database)

    async def work() -> None:
        async with driver_transaction(engine) as connection:
            await WRITE.execute(connection, APPLIED)
            raise KeyError

    with pytest.raises(KeyError):
        await work()

    assert await count(engine) == 0
    assert await backends(database) == before


async def test_wrong_data_is_raised_as_it_is_and_rolled_back(engine: AsyncEngine) -> None:
    async def work() -> None:
        async with driver_transaction(engine) as connection:
            await WRITE.execute(connection, APPLIED)
            await connection.fetch("SELECT 1 / 0")

    with pytest.raises(DivisionByZeroError):
        await work()

    assert await count(engine) == 0


async def test_an_error_that_was_swallowed_is_not_taken_for_a_commit(engine: AsyncEngine) -> None:
    async def work() -> None:
        async with driver_transaction(engine) as connection:
            await WRITE.execute(connection, APPLIED)
            with suppress(DivisionByZeroError):
                await connection.fetch("SELECT 1 / 0")

    with pytest.raises(RuntimeError, match="nothing was committed"):
        await work()

    assert await count(engine) == 0


async def test_a_wrong_use_of_the_connection_is_a_bug(engine: AsyncEngine) -> None:
    with pytest.raises(InterfaceError, match="expects 1 argument"):
        async with driver_transaction(engine) as connection:
            await connection.fetch(COUNT.sql)

    assert await count(engine) == 0


async def test_cancellation_between_statements_rolls_back(engine: AsyncEngine) -> None:
    written = asyncio.Event()

    async def work() -> None:
        async with driver_transaction(engine) as connection:
            await WRITE.execute(connection, APPLIED)
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await written.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert await count(engine) == 0


async def test_cancellation_within_a_statement_rolls_back_and_ends_the_statement(
    engine: AsyncEngine, database: AsyncEngine
) -> None:
    async def work() -> None:
        async with driver_transaction(engine) as connection:
            await WRITE.execute(connection, APPLIED)
            await connection.fetch("SELECT pg_sleep(0.9)")

    task = asyncio.create_task(work())
    await eventually(lambda: sleeping(database))
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert not await sleeping(database)
    assert await count(engine) == 0


async def sleeping(database: AsyncEngine) -> bool:
    async with database.connect() as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'test' AND wait_event = 'PgSleep'"
        return bool((await connection.execute(text(query))).scalar_one())


async def test_a_statement_that_takes_too_long_is_a_dependency(engine: AsyncEngine) -> None:
    with pytest.raises(DependencyError, match="statement timeout"):
        async with driver_transaction(engine) as connection:
            await connection.fetch("SELECT pg_sleep(10)")

    assert await count(engine) == 0


async def test_a_lock_that_another_holds_is_a_dependency(engine: AsyncEngine, database: AsyncEngine) -> None:
    async with database.begin() as holder:
        await holder.execute(text("SELECT * FROM risk_configuration FOR UPDATE"))

        with pytest.raises(DependencyError, match="lock timeout"):
            async with driver_transaction(engine) as connection:
                await connection.fetch("SELECT * FROM risk_configuration FOR UPDATE")


@pytest.mark.parametrize("writes_after", [True, False])
async def test_a_backend_that_is_terminated_is_a_dependency_and_replaced(
    engine: AsyncEngine, database: AsyncEngine, *, writes_after: bool
) -> None:
    async def work() -> None:
        async with driver_transaction(engine) as connection:
            await WRITE.execute(connection, APPLIED)
            await terminate(database)
            if writes_after:
                await WRITE.execute(connection, APPLIED)

    with pytest.raises(DependencyError):
        await work()

    assert await count(engine) == 0


async def test_a_connection_known_to_be_closed_is_a_dependency(engine: AsyncEngine, database: AsyncEngine) -> None:
    async def work() -> None:
        async with driver_transaction(engine) as connection:
            await terminate(database)
            await closed(connection)
            await WRITE.execute(connection, APPLIED)

    with pytest.raises(DependencyError, match="went away"):
        await work()

    assert await count(engine) == 0


async def closed(connection: Connection) -> None:
    """Return once the driver has seen that the server closed its side."""

    async def look() -> bool:
        return bool(connection.is_closed())

    await eventually(look)


async def test_an_idle_connection_that_was_terminated_is_replaced_unseen(
    engine: AsyncEngine, database: AsyncEngine
) -> None:
    async with driver_transaction(engine) as connection:
        idle = connection
    await terminate(database)
    await closed(idle)

    assert await count(engine) == 0


async def test_sessions_may_be_terminated_at_any_moment(engine: AsyncEngine, database: AsyncEngine) -> None:
    """Also while nobody uses them: asyncpg then knows for a moment that something is wrong, and not yet what."""
    ended = asyncio.Event()

    async def work() -> int:
        done = 0
        while not ended.is_set():
            with suppress(DependencyError):
                await count(engine)
                done += 1
            await asyncio.sleep(IDLE_S * random.random())  # noqa: S311  # idle for as long as chance will have it
        return done

    working = asyncio.create_task(work())
    async with database.connect() as connection:
        for _ in range(TERMINATED):
            await connection.execute(text(TERMINATE_SOON))
    ended.set()

    assert await working > 0


async def test_a_pool_that_is_used_up_is_a_dependency(engine: AsyncEngine) -> None:
    engine.sync_engine.pool._timeout = 0.1  # type: ignore[attr-defined]  # noqa: SLF001  not to wait five seconds
    async with driver_transaction(engine):
        with pytest.raises(DependencyError, match="no database connection became free"):
            await count(engine)


async def test_a_database_that_cannot_be_reached_is_a_dependency() -> None:
    settings = DatabaseSettings(database_url=SecretStr("postgresql://nobody:x@127.0.0.1:1/nothing"))
    engine = connect_database(settings, application="test", for_batches=True)

    with pytest.raises(DependencyError, match="cannot be reached"):
        await count(engine)
    await engine.dispose()


async def test_why_nobody_may_connect_is_told_as_postgresql_says_it(database_url: str) -> None:
    settings = DatabaseSettings(database_url=SecretStr(database_url.rpartition("/")[0] + "/no_such"))
    engine = connect_database(settings, application="test", for_batches=True)

    with pytest.raises(InvalidCatalogNameError, match="no_such"):
        await count(engine)
    await engine.dispose()


async def test_a_server_that_hangs_up_on_whoever_connects_is_a_dependency() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        settings = DatabaseSettings(database_url=SecretStr(f"postgresql://nobody:x@127.0.0.1:{port}/nothing"))
        engine = connect_database(settings, application="test", for_batches=True)

        with pytest.raises(DependencyError):
            await count(engine)
        await engine.dispose()
