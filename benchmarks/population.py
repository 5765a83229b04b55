"""What lies in the database before anything is measured: accounts with a spec each, and live reservations."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.database.engine import asyncpg_url
from shared.schemas.instrument import InstrumentSpec

SPEC = {
    "instrument": "XAUUSD",
    "symbol": "GOLD.r",
    "calc_mode": "cfd_leverage",
    "digits": 2,
    "contract_size": "100",
    "tick_size": "0.01",
    "tick_value": "1.00",
    "volume_min": "0.01",
    "volume_max": "50",
    "volume_step": "0.01",
    "currency_base": "XAU",
    "currency_profit": "USD",
    "currency_margin": "USD",
}
ACCOUNTS = text("""
    INSERT INTO user_mt5_accounts (user_id, mt5_account_id, mt5_server, broker_name, account_currency, balance, equity,
        margin_used, margin_free, account_leverage, open_positions_count, total_positions_volume, is_demo, sync_status,
        last_synced_at)
    SELECT 'u-' || n, n, 'Bench-MT5', 'Bench', 'USD', 10000 + n, 10000 + n, 0, 1000000000, 100, 0, 0, true, 'active',
        clock_timestamp()
    FROM generate_series(1, :accounts) AS n
""")
DETAILS = text("""
    INSERT INTO user_mt5_account_details (user_mt5_account_id, currency_digits, margin_mode, trade_allowed, arrived_at)
    SELECT id, 2, 'hedging', true, clock_timestamp() FROM user_mt5_accounts
""")
SPECS = text("""
    INSERT INTO mt5_instruments (mt5_server, mt5_account_id, instrument, user_id, account_currency, account_leverage,
        spec, captured_at)
    SELECT mt5_server, mt5_account_id, 'XAUUSD', user_id, 'USD', 100, CAST(:spec AS jsonb), clock_timestamp()
    FROM user_mt5_accounts
""")
RESERVATIONS = text("""
    INSERT INTO margin_reservations (request_id, user_mt5_account_id, margin, decided_at, expires_at)
    SELECT gen_random_uuid(), id, 100.25, clock_timestamp(), clock_timestamp() + interval '6 hours'
    FROM user_mt5_accounts, generate_series(1, :each)
""")
ANALYZE = text("ANALYZE user_mt5_accounts, user_mt5_account_details, mt5_instruments, margin_reservations")


async def populate(database_url: str, *, accounts: int, reservations: int) -> None:
    """Fill an empty, migrated database: users u-1, u-2, … with an account each, and reservations spread over them."""
    engine = create_async_engine(asyncpg_url(database_url))
    async with engine.begin() as connection:
        await connection.execute(ACCOUNTS, {"accounts": accounts})
        await connection.execute(DETAILS)
        await connection.execute(SPECS, {"spec": InstrumentSpec.model_validate(SPEC).model_dump_json()})
        await connection.execute(RESERVATIONS, {"each": reservations // accounts})
        await connection.execute(ANALYZE)
    await engine.dispose()
