"""What the demo reads from the database: the accounts while it runs, everything that was shown when it is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from shared.database.transaction import transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncEngine

ACCOUNTS = """
    SELECT user_id, mt5_account_id, mt5_server, account_currency, balance, equity, margin_used, margin_free,
           open_positions_count, total_positions_volume, sync_status, last_synced_at,
           extract(epoch FROM clock_timestamp() - last_synced_at) AS age_s
    FROM user_mt5_accounts ORDER BY user_id
"""
AUDIT = """
    SELECT request_id, setup_approved, rejection_reason, config_version, global_risk_percent,
           entry_1_volume, entry_2_volume, entry_3_volume, total_stop_loss_amount, total_margin_required
    FROM trade_setup_risk_logs ORDER BY id
"""
DIAL = "SELECT fixed_risk_percent FROM risk_configuration WHERE id = 1"
HISTORY = """
    SELECT config_version, fixed_risk_percent, updated_by FROM risk_configuration_history ORDER BY config_version
"""
SYNC_LOG = "SELECT sync_status, count(*) AS count FROM user_mt5_sync_logs GROUP BY sync_status"
OUTCOMES = "SELECT request_id, outcome FROM sizing_outcomes"


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account as the database has it. Money in its currency, `age_s` in seconds by the database's clock."""

    user_id: str
    mt5_account_id: int
    mt5_server: str
    account_currency: str
    balance: Decimal
    equity: Decimal
    margin_used: Decimal
    margin_free: Decimal
    open_positions_count: int
    total_positions_volume: Decimal
    sync_status: str
    last_synced_at: datetime
    age_s: Decimal


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A decision's row in trade_setup_risk_logs."""

    request_id: UUID
    setup_approved: bool
    rejection_reason: str | None
    config_version: int
    global_risk_percent: Decimal
    entry_1_volume: Decimal | None
    entry_2_volume: Decimal | None
    entry_3_volume: Decimal | None
    total_stop_loss_amount: Decimal | None
    total_margin_required: Decimal | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database holds when the show is over. `history` is (version, risk percent, by whom)."""

    accounts: list[AccountRow]
    audit: list[AuditRow]
    risk_percent: Decimal
    history: list[tuple[int, Decimal, str]]
    sync_log: dict[str, int]
    outcomes: set[tuple[UUID, str]]


async def read_accounts(engine: AsyncEngine) -> list[AccountRow]:
    """Every account, by user. Raises DependencyError."""
    return [AccountRow(**row) for row in await _rows(engine, ACCOUNTS)]


async def read_facts(engine: AsyncEngine) -> Facts:
    """Everything that the checks compare. Raises DependencyError."""
    return Facts(
        accounts=await read_accounts(engine),
        audit=[AuditRow(**row) for row in await _rows(engine, AUDIT)],
        risk_percent=(await _rows(engine, DIAL))[0]["fixed_risk_percent"],
        history=[_values(row) for row in await _rows(engine, HISTORY)],
        sync_log={row["sync_status"]: row["count"] for row in await _rows(engine, SYNC_LOG)},
        outcomes={(row["request_id"], row["outcome"]) for row in await _rows(engine, OUTCOMES)},
    )


async def _rows(engine: AsyncEngine, query: str) -> Sequence[RowMapping]:
    async with transaction(engine) as connection:
        return (await connection.execute(text(query))).mappings().all()


def _values(row: RowMapping) -> Any:
    return tuple(row.values())
