"""What a database consists of, as PostgreSQL itself describes it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dev.tree import ROOT

TIMEOUT_S = 60
PARTITION = "c.relispartition"

COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
           pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'alembic_version'
    ORDER BY c.relname, a.attnum
"""
TABLES = """
    SELECT c.relname, c.relkind, obj_description(c.oid), pg_get_partkeydef(c.oid)
    FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND NOT c.relispartition AND c.relname <> 'alembic_version' ORDER BY 1
"""
CONSTRAINTS = """
    SELECT c.relname, con.conname, con.contype, pg_get_constraintdef(con.oid)
    FROM pg_constraint AS con JOIN pg_class AS c ON c.oid = con.conrelid
    WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND c.relname <> 'alembic_version'
    ORDER BY 1, 2
"""
INDEXES = """
    SELECT tablename, indexname, indexdef FROM pg_indexes AS i JOIN pg_class AS c ON c.relname = i.tablename
    WHERE schemaname = 'public' AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
      AND tablename <> 'alembic_version' ORDER BY 1, 2
"""
OBJECTS = """
    SELECT relkind::text AS kind, relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'function', proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'type', typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
    ORDER BY 1, 2
"""


async def description(connection: AsyncConnection) -> dict[str, list[tuple[object, ...]]]:
    """Tables, columns, constraints and indexes, partitions left out."""
    parts = {"tables": TABLES, "columns": COLUMNS, "constraints": CONSTRAINTS, "indexes": INDEXES}
    return {name: await _rows(connection, query) for name, query in parts.items()}


async def objects(connection: AsyncConnection) -> set[tuple[object, ...]]:
    """Everything in the schema `public`: relations of every kind, functions, types."""
    return set(await _rows(connection, OBJECTS))


async def alembic(url: str, *arguments: str) -> None:
    """Run alembic as an operator would."""
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "alembic", *arguments],
        check=False,
        cwd=ROOT,
        env={**os.environ, "LOTWISE_DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert ended.returncode == 0, ended.stderr


async def _rows(connection: AsyncConnection, query: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in (await connection.execute(text(query))).all()]
