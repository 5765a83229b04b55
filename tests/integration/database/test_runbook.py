"""What docs/alerts.md tells people to ask the database, it can be asked as it is written."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from dev.tree import ROOT

QUERIES = re.findall(r"`(SELECT [^`]+)`", (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("query", QUERIES)
async def test_a_query_of_the_alerts_page_runs_as_it_is_written(emptied_database: AsyncEngine, query: str) -> None:
    async with emptied_database.connect() as connection:
        assert (await connection.execute(text(query))).all() == []


def test_the_page_has_such_queries() -> None:
    assert QUERIES
