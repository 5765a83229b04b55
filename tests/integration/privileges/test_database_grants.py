"""What PostgreSQL says that each role may do is what `shared.database.privileges` says, on every relation there is."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import pytest
from sqlalchemy import text

from dev.servers.databases import drop_role, run_statement
from dev.stack.workspace import Workspace
from shared.database.privileges import PUBLIC, SERVICE_ROLES, ServiceRole
from shared.database.tables import metadata
from tests.integration.privileges.attempts import is_permission_denied
from tests.integration.privileges.conftest import connected

SERVICES = [role.service for role in SERVICE_ROLES]

# Asked of PostgreSQL's own functions, which count in what everybody may and what comes from being a member.
PRIVILEGES = text("""
    SELECT c.relname, privilege FROM pg_class AS c
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND has_table_privilege(:role, c.oid, privilege)
""")
COLUMN_PRIVILEGES = text("""
    SELECT c.relname, a.attname, privilege FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS privilege
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND a.attnum > 0 AND NOT a.attisdropped
      AND has_column_privilege(:role, c.oid, a.attnum, privilege) AND NOT has_table_privilege(:role, c.oid, privilege)
""")
SEQUENCES = text("""
    SELECT count(*) FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace
      AND CASE c.relkind WHEN 'S' THEN has_sequence_privilege(:role, c.oid, 'USAGE, SELECT, UPDATE') END
""")
ROUTINES = text("""
    SELECT p.oid::regprocedure::text FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace
      AND has_function_privilege(:role, p.oid, 'EXECUTE')
""")
PLACES = text("""
    SELECT has_database_privilege(:role, current_database(), 'CONNECT') AS connect,
           has_database_privilege(:role, current_database(), 'CREATE, TEMPORARY') AS make,
           has_schema_privilege(:role, 'public', 'CREATE') AS make_here
""")
PARTITIONS = text("SELECT count(*) FROM pg_inherits")
OWNERS = text("""
    SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()
""")


def role_of(place: Workspace, service: str) -> str:
    return f"{place.name}_{service}"


def table_privileges(role: ServiceRole) -> set[tuple[str, str]]:
    said = {
        *((table, "SELECT") for table in (*role.select, "alembic_version")),
        *((table, "INSERT") for table in role.insert),
        *((table, "DELETE") for table in role.delete),
    }
    return {(table, privilege) for table, privilege in said if table in (*metadata.tables, "alembic_version")}


@pytest.mark.parametrize("role", SERVICE_ROLES, ids=SERVICES)
async def test_a_role_has_exactly_its_privileges_on_every_relation_partitions_included(
    session_workspace: Workspace, role: ServiceRole
) -> None:
    name = {"role": role_of(session_workspace, role.service)}
    async with connected(session_workspace.database_url) as connection:
        tables = {tuple(row) for row in await connection.execute(PRIVILEGES, name)}
        columns = {tuple(row) for row in await connection.execute(COLUMN_PRIVILEGES, name)}
        partitions = (await connection.execute(PARTITIONS)).scalar_one()

    assert partitions > 2
    assert tables == table_privileges(role)
    assert columns == {(table, column, "UPDATE") for table, named in role.update.items() for column in named}


@pytest.mark.parametrize("role", SERVICE_ROLES, ids=SERVICES)
async def test_a_role_may_call_its_functions_and_use_no_sequence(
    session_workspace: Workspace, role: ServiceRole
) -> None:
    name = {"role": role_of(session_workspace, role.service)}
    async with connected(session_workspace.database_url) as connection:
        routines = set((await connection.execute(ROUTINES, name)).scalars())
        sequences = (await connection.execute(SEQUENCES, name)).scalar_one()

    assert routines == set(role.execute)
    assert sequences == 0


@pytest.mark.parametrize("service", SERVICES)
async def test_a_role_may_connect_and_make_nothing(session_workspace: Workspace, service: str) -> None:
    async with connected(session_workspace.database_url) as connection:
        row = (await connection.execute(PLACES, {"role": role_of(session_workspace, service)})).one()

    assert tuple(row) == (True, False, False)


async def test_everybody_together_may_do_nothing(session_workspace: Workspace) -> None:
    everybody = {"role": PUBLIC.lower()}
    async with connected(session_workspace.database_url) as connection:
        tables = (await connection.execute(PRIVILEGES, everybody)).all()
        columns = (await connection.execute(COLUMN_PRIVILEGES, everybody)).all()
        routines = (await connection.execute(ROUTINES, everybody)).all()
        places = (await connection.execute(PLACES, everybody)).one()

    assert (tables, columns, routines) == ([], [], [])
    assert tuple(places) == (False, False, False)


async def test_everything_is_the_owner_role_s(session_workspace: Workspace) -> None:
    async with connected(session_workspace.database_url) as connection:
        owners = set((await connection.execute(OWNERS)).scalars())

    assert owners == {f"{session_workspace.name}_owner"}


@pytest.fixture
def stranger(session_workspace: Workspace) -> Iterator[str]:
    """The URL of a role of the same server that has nothing to do with us."""
    name, password = f"stranger_{secrets.token_hex(4)}", secrets.token_hex(16)
    server = session_workspace.servers.database_url
    run_statement(server, f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    parts = urlsplit(session_workspace.database_url)
    yield urlunsplit(parts._replace(netloc=f"{name}:{password}@{parts.netloc.rpartition('@')[2]}"))
    drop_role(server, name)


async def test_a_stranger_may_not_even_connect(stranger: str) -> None:
    with pytest.raises(Exception, match="permission denied for database") as refused:
        async with connected(stranger):
            pass

    assert is_permission_denied(refused.value)
