"""`lotwise replay` and `lotwise simulate` hold a few pages of decisions, however many there are."""

from __future__ import annotations

import tracemalloc
from functools import partial

import pytest
from sqlalchemy import text

from shared.database.records import read_records
from tests.desk import Desk
from tests.integration.cli.conftest import Lotwise

PAGE_ROWS = 25
FEW, MANY = 300, 1500

# The decisions and records of one request, under request_ids of their own.
COPY = """
    WITH copies AS MATERIALIZED (
        SELECT jsonb_build_object('request_id', gen_random_uuid()) AS named FROM generate_series(1, CAST(:count AS int))
    ), decided AS (
        INSERT INTO decisions
        SELECT (jsonb_populate_record(one, named)).* FROM copies, decisions AS one WHERE request_id = :request_id
    )
    INSERT INTO decision_records
    SELECT (jsonb_populate_record(one, named)).* FROM copies, decision_records AS one WHERE request_id = :request_id
"""
WEIGHT = """
    SELECT avg(octet_length(record) + octet_length(reply)) FROM decision_records JOIN decisions USING (request_id)
"""


@pytest.mark.parametrize("command", [("replay",), ("simulate", "--risk-percent", "1.5")], ids=["replay", "simulate"])
async def test_five_times_the_decisions_take_no_more_memory(
    desk: Desk, lotwise: Lotwise, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr("shared.cli.pages.read_records", partial(read_records, page_rows=PAGE_ROWS))
    await desk.report()
    await desk.publish()
    decided = await desk.ask()
    await lotwise(*command)  # what is loaded once is loaded

    async def peak_bytes(count: int) -> int:
        """With so many decisions more."""
        async with desk.engine.begin() as connection:
            await connection.execute(text(COPY), {"count": count, "request_id": decided.request_id})
        tracemalloc.start()
        try:
            assert (await lotwise(*command)).exit_code == 0
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = await peak_bytes(FEW), await peak_bytes(MANY - FEW)

    ((weight,),) = await desk.rows(WEIGHT)
    assert many - few < (MANY - FEW) * float(weight) / 4
