"""The tables that the outside world relies on: their columns, their checks, and the queries that must run unchanged."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

COLUMNS = {
    "user_mt5_accounts": (
        "id user_id mt5_account_id mt5_server broker_name account_currency balance equity margin_used margin_free"
        " margin_level_percent account_leverage open_positions_count total_positions_volume is_demo sync_status"
        " last_synced_at created_at updated_at"
    ),
    "user_mt5_sync_logs": (
        "id message_id user_id mt5_account_id mt5_server operation sync_status balance_before balance_after"
        " equity_after margin_free_after error_code error_message captured_at synced_at"
    ),
    "trade_setup_risk_logs": (
        "id request_id user_id user_mt5_account_id setup_id instrument side account_balance account_equity"
        " margin_available account_leverage global_risk_percent config_version allocated_risk_amount entry_1_volume"
        " entry_2_volume entry_3_volume total_stop_loss_amount total_margin_required setup_approved rejection_reason"
        " created_at"
    ),
    "risk_configuration": (
        "id fixed_risk_percent entry_1_percent entry_2_percent entry_3_percent margin_buffer_percent updated_by"
        " updated_at created_at"
    ),
}
COUNTS = {"user_mt5_accounts": 19, "user_mt5_sync_logs": 15, "trade_setup_risk_logs": 22, "risk_configuration": 9}

QUERIES = [
    """INSERT INTO risk_configuration (id, fixed_risk_percent, entry_1_percent, entry_2_percent, entry_3_percent, margin_buffer_percent) VALUES (1, 3.0, 0.50, 0.35, 0.15, 20.0) ON CONFLICT (id) DO NOTHING;""",  # noqa: E501
    """SELECT COUNT(*) FROM trade_setup_risk_logs WHERE created_at > NOW() - INTERVAL '24 hours';""",
    """SELECT setup_approved, COUNT(*) as count, ROUND(COUNT(*) * 100.0 / SUM(COUNT(*)) OVER(), 2) as percent FROM trade_setup_risk_logs WHERE created_at > NOW() - INTERVAL '24 hours' GROUP BY setup_approved;""",  # noqa: E501
    """SELECT AVG(global_risk_percent) FROM trade_setup_risk_logs WHERE created_at > NOW() - INTERVAL '24 hours';""",
    """SELECT * FROM risk_configuration WHERE updated_at > NOW() - INTERVAL '7 days';""",
    """SELECT * FROM risk_configuration WHERE id = 1;""",
    """SELECT sync_status, COUNT(*) as count FROM user_mt5_accounts GROUP BY sync_status;""",
]

ACCOUNT: dict[str, Any] = {
    "user_id": "u-1",
    "mt5_account_id": 7,
    "mt5_server": "Test-MT5",
    "broker_name": "Test",
    "account_currency": "USD",
    "balance": Decimal(1),
    "equity": Decimal(1),
    "margin_used": Decimal(0),
    "margin_free": Decimal(1),
    "account_leverage": 100,
    "open_positions_count": 0,
    "total_positions_volume": Decimal(0),
    "is_demo": True,
    "sync_status": "active",
}
RISK_LOG: dict[str, Any] = {
    "user_id": "u-1",
    "setup_id": "s-1",
    "instrument": "XAUUSD",
    "side": "buy",
    "global_risk_percent": Decimal(3),
    "config_version": 1,
    "setup_approved": True,
    "rejection_reason": None,
}


async def insert(database: AsyncEngine, table: str, row: dict[str, Any], **computed: str) -> None:
    """Insert a row; `computed` are columns given as SQL."""
    names = ", ".join([*row, *computed])
    values = ", ".join([*(f":{name}" for name in row), *computed.values()])
    async with database.begin() as connection:
        await connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)  # noqa: S608


async def insert_account(database: AsyncEngine, **fields: Any) -> None:
    await insert(database, "user_mt5_accounts", ACCOUNT | fields, last_synced_at="now()")


async def insert_risk_log(database: AsyncEngine, created_at: str = "now()", **fields: Any) -> None:
    row = RISK_LOG | fields
    await insert(database, "trade_setup_risk_logs", row, request_id="gen_random_uuid()", created_at=created_at)


async def scalars(database: AsyncEngine, query: str) -> list[Any]:
    async with database.connect() as connection:
        return list((await connection.execute(text(query))).scalars())


@pytest.mark.parametrize("table", COLUMNS)
async def test_the_columns_are_those_of_the_contract_in_their_order(common_database: AsyncEngine, table: str) -> None:
    found = await scalars(
        common_database,
        "SELECT column_name::text FROM information_schema.columns"  # noqa: S608
        f" WHERE table_schema = 'public' AND table_name = '{table}' ORDER BY ordinal_position",
    )

    assert found == COLUMNS[table].split()
    assert len(found) == COUNTS[table]


@pytest.mark.parametrize("query", QUERIES)
async def test_the_contracts_queries_run_unchanged(database: AsyncEngine, query: str) -> None:
    async with database.begin() as connection:
        answered = await connection.execute(text(query))

    assert answered.context is not None


async def test_the_contracts_queries_count_the_last_day(database: AsyncEngine) -> None:
    await insert_risk_log(database)
    await insert_risk_log(database, global_risk_percent=Decimal(1))
    await insert_risk_log(database, setup_approved=False, rejection_reason="account_stale")
    await insert_risk_log(database, "now() - interval '25 hours'")
    await insert_account(database)

    async with database.connect() as connection:
        count = (await connection.execute(text(QUERIES[1]))).scalar_one()
        shares = {tuple(row) for row in await connection.execute(text(QUERIES[2]))}
        average = (await connection.execute(text(QUERIES[3]))).scalar_one()
        statuses = [tuple(row) for row in await connection.execute(text(QUERIES[6]))]

    assert count == 3
    assert shares == {(True, 2, Decimal("66.67")), (False, 1, Decimal("33.33"))}
    assert round(average, 4) == Decimal("2.3333")  # (3 + 1 + 3) / 3
    assert statuses == [("active", 1)]


async def test_the_configuration_starts_with_the_defaults(database: AsyncEngine) -> None:
    async with database.connect() as connection:
        row = (await connection.execute(text(QUERIES[5]))).one()
        history = (await connection.execute(text("SELECT * FROM risk_configuration_history"))).one()

    figures = (row.fixed_risk_percent, row.entry_1_percent, row.entry_2_percent, row.entry_3_percent)
    assert figures == (Decimal("3.0"), Decimal("0.50"), Decimal("0.35"), Decimal("0.15"))
    assert (row.margin_buffer_percent, row.updated_by) == (Decimal("20.0"), "system")
    assert (history.config_version, history.command_id, history.updated_by) == (1, None, "system")
    assert (history.fixed_risk_percent, history.updated_at) == (row.fixed_risk_percent, row.updated_at)


@pytest.mark.parametrize(
    "fields",
    [
        {"sync_status": "ok"},
        {"margin_used": Decimal("-0.01")},
        {"account_leverage": -1},
        {"open_positions_count": -1},
        {"total_positions_volume": Decimal(-1)},
        {"balance": None},
        {"user_id": None},
        {"account_currency": None},
    ],
    ids=str,
)
async def test_an_account_that_cannot_be_is_refused(common_database: AsyncEngine, fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        await insert_account(common_database, **fields)


async def test_an_account_is_one_server_and_login(database: AsyncEngine) -> None:
    await insert_account(database)
    await insert_account(database, mt5_server="Other-MT5")

    with pytest.raises(IntegrityError):
        await insert_account(database, user_id="u-2")


@pytest.mark.parametrize(
    "change",
    [
        "fixed_risk_percent = 0.09",
        "fixed_risk_percent = 50.01",
        "entry_1_percent = 0.51",
        "entry_1_percent = 0, entry_2_percent = 0.85",
        "margin_buffer_percent = -0.01",
        "margin_buffer_percent = 100",
        "id = 2",
        "updated_by = NULL",
    ],
)
async def test_a_configuration_that_the_owner_cannot_mean_is_refused(common_database: AsyncEngine, change: str) -> None:
    with pytest.raises(IntegrityError):
        async with common_database.begin() as connection:
            await connection.execute(text(f"UPDATE risk_configuration SET {change}"))  # noqa: S608


@pytest.mark.parametrize("change", ["fixed_risk_percent = 0.1", "fixed_risk_percent = 50", "margin_buffer_percent = 0"])
async def test_the_bounds_of_the_configuration_are_allowed(database: AsyncEngine, change: str) -> None:
    async with database.begin() as connection:
        changed = await connection.execute(text(f"UPDATE risk_configuration SET {change}"))  # noqa: S608

    assert changed.rowcount == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"side": "long"},
        {"setup_approved": True, "rejection_reason": "account_stale"},
        {"setup_approved": False, "rejection_reason": None},
        {"global_risk_percent": None},
        {"config_version": None},
    ],
    ids=str,
)
async def test_an_audit_row_that_contradicts_itself_is_refused(
    common_database: AsyncEngine, fields: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError):
        await insert_risk_log(common_database, **fields)


@pytest.mark.parametrize(
    "row",
    [
        {"operation": "other", "sync_status": "applied"},
        {"operation": "snapshot", "sync_status": "ok"},
        {"operation": "snapshot", "sync_status": "refused", "error_code": None},
    ],
    ids=str,
)
async def test_a_sync_log_row_that_contradicts_itself_is_refused(
    common_database: AsyncEngine, row: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError):
        await insert(common_database, "user_mt5_sync_logs", row)


async def test_money_and_volumes_are_kept_exactly(database: AsyncEngine) -> None:
    exact = Decimal("9" * 20 + "." + "1" * 18)

    await insert_account(database, balance=exact)

    assert await scalars(database, "SELECT balance FROM user_mt5_accounts") == [exact]


async def test_no_column_of_money_or_time_loses_anything(common_database: AsyncEngine) -> None:
    lossy = await scalars(
        common_database,
        "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND data_type IN ('real', 'double precision', 'money', 'timestamp without time zone', 'date')",
    )

    assert lossy == []
