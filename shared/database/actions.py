"""What an operator did to a parked message: rows are only added, and no service may read or write them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.tables import operator_actions
from shared.database.transaction import transaction


@dataclass(frozen=True, slots=True)
class OperatorAction:
    """One message, and what was done to it."""

    operator: str
    action: str
    queue: str
    message_id: str | None
    message_type: str | None
    sender: str | None
    parked_reason: str
    filters: str
    outcome: str


async def keep_action(engine: AsyncEngine, action: OperatorAction) -> None:
    """Keep it, committed on return. Raises DependencyError."""
    # PostgreSQL's text holds no NUL, and what a sender wrote may.
    row = {name: value and value.replace("\0", "�") for name, value in asdict(action).items()}
    async with transaction(engine) as connection:
        await connection.execute(insert(operator_actions).values(row))
