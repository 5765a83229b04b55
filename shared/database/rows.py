"""Many rows in one statement: an array parameter for each column, which PostgreSQL reads side by side as rows.

One statement text for any number of rows, so one prepared statement, and values in their binary form. Decimals travel
as text, exactly: that costs both sides less than their binary form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

AS_TEXT = frozenset({"NUMERIC", "JSONB"})
"""Types whose values travel as text."""

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Rows:
    """Columns by name, with their SQL types; names come from our own code, never from outside."""

    types: Mapping[str, str]

    @classmethod
    def of(cls, table: Table, names: Iterable[str], **more: str) -> Rows:
        """Columns of `table`, typed as there, and `more` of other types."""
        return cls({name: table.c[name].type.compile(_DIALECT) for name in names} | more)

    @property
    def names(self) -> str:
        """The columns, as a list in SQL."""
        return ", ".join(self.types)

    @property
    def source(self) -> str:
        """A FROM item that yields the rows of the parameters, named `row`."""
        return f"unnest({', '.join(_array(name, kind) for name, kind in self.types.items())}) AS row ({self.names})"

    def parameters(self, rows: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
        """The parameters for `rows`, each with its values in the order of the columns."""
        columns = list(zip(*rows, strict=True)) or [()] * len(self.types)
        return {
            name: [None if value is None else str(value) for value in values] if kind in AS_TEXT else list(values)
            for (name, kind), values in zip(self.types.items(), columns, strict=True)
        }


def _array(name: str, kind: str) -> str:
    return f"CAST(CAST(:{name} AS TEXT[]) AS {kind}[])" if kind in AS_TEXT else f"CAST(:{name} AS {kind}[])"
