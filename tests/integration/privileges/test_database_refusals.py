"""What PostgreSQL refuses each service, tried for real under its role: permission denied, 42501."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dev.stack.workspace import Workspace
from shared.database.privileges import SERVICE_ROLES, ServiceRole
from shared.database.tables import metadata
from tests.integration.privileges.attempts import is_refused
from tests.integration.privileges.conftest import AsService

SERVICES = [role.service for role in SERVICE_ROLES]
TABLES = sorted(metadata.tables)

KEPT_AS_WRITTEN = (
    "user_mt5_sync_logs",
    "trade_setup_risk_logs",
    "risk_configuration_history",
    "risk_configuration_schedules",
    "risk_configuration_schedule_ends",
    "decisions",
    "decision_records",
    "margin_reservations",
    "sizing_outcomes",
    "account_moves",
    "operator_actions",
)
"""Audit, history and the memory of decisions: a row that was written stays as it was written."""

FORBIDDEN_TO_ALL = {
    "make a table": "CREATE TABLE public.mine (id int)",
    "make a temporary table": "CREATE TEMP TABLE mine (id int)",
    "make a schema": "CREATE SCHEMA mine",
    "make a function": "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "drop a table": "DROP TABLE decisions",
    "drop a partition": "DROP TABLE user_mt5_sync_logs_default",
    "add a column": "ALTER TABLE decisions ADD COLUMN note text",
    "make a trigger": "CREATE TRIGGER mine BEFORE UPDATE ON decisions EXECUTE FUNCTION tsvector_update_trigger()",
    "replace the partition function": "DROP FUNCTION lotwise_create_partitions(text, integer)",
    "grant itself more": "GRANT SELECT ON account_moves TO CURRENT_USER",
    "make a role": "CREATE ROLE mine",
    "read password hashes": "SELECT rolpassword FROM pg_authid",
    "read the server's files": "SELECT pg_read_file('PG_VERSION')",
    "run a program": "COPY (SELECT 1) TO PROGRAM 'true'",
    "write into a partition past its table": "INSERT INTO user_mt5_sync_logs_default DEFAULT VALUES",
    "read a partition past its table": "SELECT count(*) FROM trade_setup_risk_logs_default",
    "use up ids": "SELECT nextval(pg_get_serial_sequence('trade_setup_risk_logs', 'id'))",
    "set the migration back": "UPDATE alembic_version SET version_num = '0001'",
}

FORBIDDEN = [
    ("sync_consumer", "give an account to another user", "UPDATE user_mt5_accounts SET user_id = 'thief'"),
    ("sync_consumer", "make it another account", "UPDATE user_mt5_accounts SET mt5_account_id = 1"),
    ("sync_consumer", "delete an account", "DELETE FROM user_mt5_accounts"),
    ("sync_consumer", "read what was decided", "SELECT reply FROM decisions"),
    ("sync_consumer", "turn the dial", "UPDATE risk_configuration SET fixed_risk_percent = 50"),
    ("sizing_worker", "turn the dial", "UPDATE risk_configuration SET fixed_risk_percent = 50"),
    (
        "sizing_worker",
        "make a version of its own",
        "INSERT INTO risk_configuration_history SELECT * FROM risk_configuration_history",
    ),
    ("sizing_worker", "raise a balance", "UPDATE user_mt5_accounts SET balance = 1000000"),
    ("sizing_worker", "free margin", "DELETE FROM margin_reservations"),
    ("sizing_worker", "lock an account's row", "SELECT id FROM user_mt5_accounts FOR UPDATE"),
    ("config_service", "write an account", "UPDATE user_mt5_accounts SET balance = 1000000"),
    ("config_service", "rewrite history", "UPDATE risk_configuration_history SET updated_by = 'nobody'"),
    ("config_service", "forget a version", "DELETE FROM risk_configuration_history"),
    ("config_service", "make a second configuration", "INSERT INTO risk_configuration (id) VALUES (2)"),
    ("config_service", "write a record", "INSERT INTO decision_records DEFAULT VALUES"),
    ("config_service", "write a decision", "INSERT INTO decisions DEFAULT VALUES"),
    ("config_service", "make partitions", "SELECT lotwise_create_partitions('user_mt5_sync_logs', 1)"),
]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("table", KEPT_AS_WRITTEN)
@pytest.mark.parametrize("act", ["UPDATE {0} SET {1} = DEFAULT", "DELETE FROM {0}", "TRUNCATE {0}"])
async def test_no_service_may_change_what_is_kept_as_written(
    as_service: AsService, service: str, table: str, act: str
) -> None:
    column = metadata.tables[table].columns.keys()[0]

    async with as_service(service) as connection:
        assert await is_refused(connection, act.format(table, column))


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("act", FORBIDDEN_TO_ALL)
async def test_no_service_may(as_service: AsService, service: str, act: str) -> None:
    async with as_service(service) as connection:
        assert await is_refused(connection, FORBIDDEN_TO_ALL[act])


@pytest.mark.parametrize(
    ("service", "statement"),
    [pytest.param(service, statement, id=f"{service} may not {act}") for service, act, statement in FORBIDDEN],
)
async def test_one_service_may_not(as_service: AsService, service: str, statement: str) -> None:
    async with as_service(service) as connection:
        assert await is_refused(connection, statement)


@pytest.mark.parametrize("service", SERVICES)
async def test_no_service_may_become_the_owner(
    as_service: AsService, session_workspace: Workspace, service: str
) -> None:
    owner = session_workspace.database_roles[0]

    async with as_service(service) as connection:
        assert await is_refused(connection, f'SET ROLE "{owner}"')


@pytest.mark.parametrize("service", SERVICES)
async def test_no_service_may_become_another(as_service: AsService, session_workspace: Workspace, service: str) -> None:
    async with as_service(service) as connection:
        others = [name for name in session_workspace.database_roles[1:] if not name.endswith(service)]
        refused = [await is_refused(connection, f'SET ROLE "{name}"') for name in others]

    assert refused == [True, True]


@pytest.mark.parametrize("role", SERVICE_ROLES, ids=SERVICES)
@pytest.mark.parametrize("table", TABLES)
async def test_a_service_may_do_to_a_table_what_its_role_says_and_nothing_else(
    as_service: AsService, role: ServiceRole, table: str
) -> None:
    async with as_service(role.service) as connection:
        permitted = {act for act, statement in acts_on(table) if not await is_refused(connection, statement)}

    assert permitted == set(allowed_acts(role, table))


def acts_on(table: str) -> Iterator[tuple[str, str]]:
    """Every way to read or change a table, column by column where it is changed."""
    yield "SELECT", f"SELECT count(*) FROM {table}"  # noqa: S608  our own tables
    yield "INSERT", f"INSERT INTO {table} DEFAULT VALUES"
    yield "DELETE", f"DELETE FROM {table}"  # noqa: S608  our own tables
    yield "TRUNCATE", f"TRUNCATE {table}"
    for column in metadata.tables[table].columns:
        yield f"UPDATE {column.name}", f"UPDATE {table} SET {column.name} = DEFAULT"  # noqa: S608  our own tables


def allowed_acts(role: ServiceRole, table: str) -> Iterator[str]:
    """What a role's data say of a table."""
    for act, tables in {"SELECT": role.select, "INSERT": role.insert, "DELETE": role.delete}.items():
        if table in tables:
            yield act
    for column in role.update.get(table, ()):
        yield f"UPDATE {column}"
