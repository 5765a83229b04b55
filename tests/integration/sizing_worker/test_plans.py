"""A statement is planned once a connection, maybe while tables are still empty: its plan must serve as they fill."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from services.sizing_worker import store


async def test_the_memory_of_decisions_is_asked_by_its_key_however_few_there_were(
    emptied_database: AsyncEngine,
) -> None:
    async with emptied_database.connect() as connection:
        ask = (await connection.get_raw_connection()).driver_connection
        assert ask is not None
        await ask.execute("SET plan_cache_mode = force_generic_plan; TRUNCATE decisions")
        await ask.execute(f"PREPARE situation AS {store.SITUATION.sql}")
        lines = await ask.fetch("EXPLAIN EXECUTE situation ('{}', '{}', '{}', '{}')")
    plan = "\n".join(line[0] for line in lines)
    assert "Seq Scan on decisions" not in plan
    assert "using pk_decisions on decisions" in plan
