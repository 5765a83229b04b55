"""An account becomes another user's: the one way in which the owner of an account ever changes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.database.transaction import transaction
from shared.schemas.account import AccountKey

FIND = text("SELECT id FROM user_mt5_accounts WHERE mt5_server = :server AND mt5_account_id = :login")

# In the order of every transaction: first the advisory lock that sizing takes, then the row that snapshots lock.
LOCK = text("SELECT pg_advisory_xact_lock(:id)")

OWNER = text("SELECT user_id FROM user_mt5_accounts WHERE id = :id FOR NO KEY UPDATE")

MOVE = text("UPDATE user_mt5_accounts SET user_id = :to, updated_at = clock_timestamp() WHERE id = :id")

# What another user published, before the first snapshot told whose the account is, stays behind.
MOVE_SPECS = text("""
    UPDATE mt5_instruments SET user_id = :to
    WHERE mt5_server = :server AND mt5_account_id = :login AND user_id = :from
""")

AUDIT = text("""
    INSERT INTO account_moves (user_mt5_account_id, from_user_id, to_user_id, moved_by, reason)
    VALUES (:id, :from, :to, :by, :reason)
""")


@dataclass(frozen=True, slots=True)
class Moved:
    """Whose the account was, and how many of its instruments' specs moved with it."""

    from_user_id: str
    specs: int


@dataclass(frozen=True, slots=True)
class NotMoved:
    """Nothing was changed. `owner` is whose the account is; None where the account is not known."""

    owner: str | None


async def move_account(
    engine: AsyncEngine, key: AccountKey, *, to_user_id: str, moved_by: str, reason: str
) -> Moved | NotMoved:
    """Make the account and its specs another user's, and keep who did it and why, in one transaction.

    A request of either user that is decided meanwhile sees the account before or after, never in between. What the
    account has reserved stays reserved.
    """
    names = {"login": key.login, "server": key.server, "to": to_user_id, "by": moved_by, "reason": reason}
    async with transaction(engine) as connection:
        account_id = (await connection.execute(FIND, names)).scalar()
        if account_id is None:
            return NotMoved(None)
        await connection.execute(LOCK, {"id": account_id})
        owner: str | None = (await connection.execute(OWNER, {"id": account_id})).scalar()
        if owner is None or owner == to_user_id:
            return NotMoved(owner)
        return await _move(connection, owner, names | {"id": account_id, "from": owner})


async def _move(connection: AsyncConnection, owner: str, names: dict[str, object]) -> Moved:
    await connection.execute(MOVE, names)
    specs = (await connection.execute(MOVE_SPECS, names)).rowcount
    await connection.execute(AUDIT, names)
    return Moved(owner, specs)
