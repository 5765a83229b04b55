"""Many rows in one statement and one parameter: a JSON array that PostgreSQL reads as rows of a table.

One statement text for any number of rows, so one prepared statement; PostgreSQL converts each column by its own type,
decimals exactly, because they travel as strings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Table, TextClause, text


def rows_of(table: Table) -> str:
    """A FROM item that yields the rows of the parameter `:rows`, named `row`, typed as `table`."""
    return f"json_populate_recordset(NULL::{table.name}, CAST(:rows AS json)) AS row"


def insert_rows(table: Table, columns: Sequence[str], *, then: str = "") -> TextClause:
    """`INSERT INTO table` of the parameter `:rows`; `then` is what follows, such as an ON CONFLICT clause."""
    names = ", ".join(columns)
    # Names come from our own table definitions, never from outside.
    return text(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {rows_of(table)} {then}")  # noqa: S608


def as_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    """The value of `:rows`."""
    return json.dumps(rows, default=_plain)


def _plain(value: object) -> str:
    match value:
        case Decimal():
            return str(value)
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case bytes():
            return f"\\x{value.hex()}"
    raise TypeError(f"no column holds a {type(value).__name__}")
