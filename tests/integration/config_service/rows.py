"""Accounts and decisions, made by the hundred in SQL: what is looked up, without the services that write it."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

ACCOUNTS = text("""
    WITH made AS (
        INSERT INTO user_mt5_accounts (user_id, mt5_account_id, mt5_server, broker_name, account_currency, balance,
            equity, margin_used, margin_free, margin_level_percent, account_leverage, open_positions_count,
            total_positions_volume, is_demo, sync_status, last_synced_at)
        SELECT CAST(:user_id AS text), CAST(:first AS bigint) + n, 'Test-MT5', 'Test', 'USD', 10000.00, 9900.50, 300.00,
            9600.50, 3300.1666666666666667, 100, 1, 0.10, true, :sync_status, clock_timestamp() - interval '10 s'
        FROM generate_series(0, CAST(:count AS integer) - 1) AS n ORDER BY n
        RETURNING id
    )
    INSERT INTO user_mt5_account_details (user_mt5_account_id, currency_digits, margin_mode, trade_allowed, arrived_at)
    SELECT id, 2, 'hedging', true, clock_timestamp() FROM made
""")

# The newest now, each other one a second older than the next.
DECISIONS = text("""
    INSERT INTO trade_setup_risk_logs (request_id, user_id, user_mt5_account_id, setup_id, instrument, side,
        account_balance, account_equity, margin_available, account_leverage, global_risk_percent, config_version,
        allocated_risk_amount, entry_1_volume, total_stop_loss_amount, total_margin_required,
        setup_approved, rejection_reason, created_at)
    SELECT gen_random_uuid(), CAST(:user_id AS text),
        (SELECT id FROM user_mt5_accounts WHERE mt5_account_id = CAST(:login AS bigint)), 'setup-' || n,
        CAST(:instrument AS text), 'buy', 10000.00, 9900.50, 9600.50, 100, 2.50, 7, 250.00, 0.30, 150.00, 585.00,
        CAST(:reason AS text) IS NULL, CAST(:reason AS text),
        clock_timestamp() - make_interval(secs => CAST(:count AS integer) - n)
    FROM generate_series(1, CAST(:count AS integer)) AS n ORDER BY n
""")


async def make_accounts(
    database: AsyncEngine, count: int, *, user_id: str, first: int = 1, sync_status: str = "active"
) -> None:
    """`count` accounts of a user, with logins from `first` on."""
    parameters = {"count": count, "user_id": user_id, "first": first, "sync_status": sync_status}
    async with database.begin() as connection:
        await connection.execute(ACCOUNTS, parameters)


async def make_decisions(
    database: AsyncEngine,
    count: int,
    *,
    user_id: str,
    login: int | None = None,
    instrument: str = "XAUUSD",
    reason: str | None = None,
) -> None:
    """`count` decisions of a user, about the account `login`: approved, or refused for `reason`."""
    parameters = {"count": count, "user_id": user_id, "login": login, "instrument": instrument, "reason": reason}
    async with database.begin() as connection:
        await connection.execute(DECISIONS, parameters)
