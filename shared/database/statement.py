"""A statement for the driver itself: what `shared.database.transaction.driver_transaction` is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import asyncpg as dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncpg import Connection, Record

_DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with numbered parameters, and the name of each, in their order."""

    sql: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, named: str) -> Statement:
        """A statement whose parameters are written `:name`."""
        compiled = text(named).compile(dialect=_DIALECT)
        return cls(compiled.string, tuple(compiled.positiontup or ()))

    async def fetch(self, connection: Connection, parameters: Mapping[str, Any] | None = None) -> list[Record]:
        """Run it; its rows, whose columns are read by name."""
        rows: list[Record] = await connection.fetch(self.sql, *self._arguments(parameters or {}))
        return rows

    async def execute(self, connection: Connection, parameters: Mapping[str, Any] | None = None) -> int:
        """Run it; how many rows it wrote."""
        status: str = await connection.execute(self.sql, *self._arguments(parameters or {}))
        return int(status.rpartition(" ")[2])

    def _arguments(self, parameters: Mapping[str, Any]) -> list[Any]:
        return [parameters[name] for name in self.names]
