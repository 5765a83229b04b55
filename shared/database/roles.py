"""The database roles of an installation: an owner whom no service is, and one for each service."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database.engine import OperatorSettings
from shared.database.grants import PLACES, database_and_owner, grant_differences, mend_grants
from shared.database.privileges import FUNCTIONS, VERSION_TABLE, owner_role, role_names
from shared.database.scram import SALT_BYTES, scram_verifier
from shared.database.tables import metadata
from shared.errors import DeploymentError

OWNER_CONNECTIONS = 10
"""At most so many connections of the owner role: it migrates, and nothing else."""
SHARED_DATABASES = ("postgres", "template0", "template1")

ROLES = text("""
    SELECT rolname, rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolconnlimit
    FROM pg_roles WHERE rolname = ANY(CAST(:names AS text[]))
""")

MEMBERSHIPS = text("""
    SELECT quote_ident(member.rolname) AS member, quote_ident(granted.rolname) AS granted
    FROM pg_auth_members AS m JOIN pg_roles AS member ON member.oid = m.member
    JOIN pg_roles AS granted ON granted.oid = m.roleid
    WHERE member.rolname = ANY(CAST(:names AS text[])) ORDER BY 1, 2
""")

# The partitions of a table, and what an earlier release left to a superuser. Sequences and indexes follow their table.
OWNED_BY_OTHERS = text("""
    SELECT 'TABLE' AS kind, c.oid::regclass::text AS name, pg_get_userbyid(c.relowner) AS owner
    FROM pg_class AS c LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid LEFT JOIN pg_class AS p ON p.oid = i.inhparent
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND (c.relname = ANY(CAST(:tables AS text[])) OR p.relname = ANY(CAST(:tables AS text[])))
      AND pg_get_userbyid(c.relowner) <> :owner
    UNION ALL
    SELECT 'FUNCTION', p.oid::regprocedure::text, pg_get_userbyid(p.proowner) FROM pg_proc AS p
    WHERE p.pronamespace = 'public'::regnamespace AND p.oid::regprocedure::text = ANY(CAST(:functions AS text[]))
      AND pg_get_userbyid(p.proowner) <> :owner
    ORDER BY 1, 2
""")

MAY_CREATE = text("SELECT has_schema_privilege(:owner, 'public', 'CREATE')")

IS_MEMBER = text("SELECT pg_has_role(current_user, :owner, 'MEMBER')")

LOCK = text("SELECT pg_advisory_xact_lock(:key)")
MAKING_LOCK = 4_201_776_002
"""Key of the advisory lock that two operators, or two containers starting at once, take one after the other."""

ATTRIBUTES = {
    "rolcanlogin": (True, "LOGIN"),
    "rolsuper": (False, "NOSUPERUSER"),
    "rolcreaterole": (False, "NOCREATEROLE"),
    "rolcreatedb": (False, "NOCREATEDB"),
    "rolreplication": (False, "NOREPLICATION"),
    "rolbypassrls": (False, "NOBYPASSRLS"),
}
"""What each role's row in pg_roles must say, and the words of ALTER ROLE that make it so."""


def _prefix(value: str) -> str:
    if value.startswith("pg_"):
        raise ValueError("must not start with pg_, which PostgreSQL keeps for itself")
    return value


RolePrefix = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$"), AfterValidator(_prefix)]


class RoleSettings(OperatorSettings):
    """The roles of this installation: two that share a server have prefixes of their own.

    `database_role_connections`: the most connections of one service's role, of all its replicas together.
    """

    database_role_prefix: RolePrefix = "lotwise"
    database_role_connections: Annotated[int, Field(ge=1, le=10_000)] = 50


@dataclass(frozen=True, slots=True)
class RolePlan:
    """The roles of an installation: their prefix, and the most connections of one service's."""

    prefix: str
    connections: int

    @property
    def owner(self) -> str:
        """The owner role's name."""
        return owner_role(self.prefix)

    @property
    def names(self) -> list[str]:
        """Every role's name, the owner's first."""
        return [self.owner, *role_names(self.prefix)]

    def connection_limit(self, name: str) -> int:
        """The most connections that a role may have."""
        return OWNER_CONNECTIONS if name == self.owner else self.connections


async def make_roles(connection: AsyncConnection, plan: RolePlan, *, passwords: Mapping[str, str]) -> list[str]:
    """Make each role or bring it up to date, and hand database, tables and functions to the owner role; what was done.

    `passwords` are by role name, printable ASCII. Needs a superuser, or a role with CREATEROLE and CREATEDB that owns
    database and tables. Raises DeploymentError for a database that everybody shares.
    """
    database, owner = await database_and_owner(connection)
    if database in SHARED_DATABASES:
        raise DeploymentError(f"LOTWISE_DATABASE_URL: {database} is the server's own database; make one for Lotwise")
    await connection.execute(LOCK, {"key": MAKING_LOCK})
    done = await _make(connection, plan, passwords)
    done += await _leave_others(connection, plan)
    if not (await connection.execute(IS_MEMBER, {"owner": plan.owner})).scalar():
        await connection.exec_driver_sql(f'GRANT "{plan.owner}" TO CURRENT_USER')
    if owner != plan.owner:
        await connection.exec_driver_sql(f'ALTER DATABASE {database} OWNER TO "{plan.owner}"')
        done.append(f"{plan.owner} owns database {database}")
    if not (await connection.execute(MAY_CREATE, {"owner": plan.owner})).scalar():
        await connection.exec_driver_sql(f'GRANT USAGE, CREATE ON SCHEMA public TO "{plan.owner}"')
    done += await _hand_over(connection, plan.owner)
    return done + [f"mended: {one}" for one in await mend_grants(connection, plan.prefix, kinds=PLACES)]


async def role_differences(connection: AsyncConnection, plan: RolePlan) -> list[str]:
    """Each difference between the roles, owners and grants that are and those that should be, one a line."""
    database, owner = await database_and_owner(connection)
    found = [f"database {database} is owned by {owner}, not by {plan.owner}"] if owner != plan.owner else []
    rows = await _rows(connection, plan.names)
    for name in plan.names:
        faults = _faults(rows[name], plan.connection_limit(name)) if name in rows else ["does not exist"]
        found += [f"role {name}: {fault}" for fault in faults]
    found += [f"role {member}: is a member of {granted}" for member, granted in await _memberships(connection, plan)]
    others = await _owned_by_others(connection, plan.owner)
    found += [f"{row.kind.lower()} {row.name} is owned by {row.owner}, not by {plan.owner}" for row in others]
    return found + [str(difference) for difference in await grant_differences(connection, plan.prefix)]


async def _make(connection: AsyncConnection, plan: RolePlan, passwords: Mapping[str, str]) -> list[str]:
    there = await _rows(connection, plan.names)
    new = [name for name in plan.names if name not in there]
    for name in new:
        await connection.exec_driver_sql(f'CREATE ROLE "{name}"')
    rows = await _rows(connection, plan.names)
    for name in plan.names:
        # Only what is wrong is named: a role that is no superuser may not even take SUPERUSER away where it is not.
        words = _faults(rows[name], plan.connection_limit(name))
        verifier = scram_verifier(passwords[name], salt=secrets.token_bytes(SALT_BYTES))
        # Not a parameter: utility statements take none. A verifier holds no quote.
        await connection.exec_driver_sql(f"ALTER ROLE \"{name}\" {' '.join(words)} PASSWORD '{verifier}'")
    return [f"role {name} {'made' if name in new else 'up to date'}" for name in plan.names]


def _faults(row: Row[Any], connections: int) -> list[str]:
    """What is wrong with a role, in the words of ALTER ROLE that mend it."""
    faults = [words for column, (right, words) in ATTRIBUTES.items() if getattr(row, column) is not right]
    return faults + ([f"CONNECTION LIMIT {connections}"] if row.rolconnlimit != connections else [])


async def _leave_others(connection: AsyncConnection, plan: RolePlan) -> list[str]:
    """No service role is a member of any other, the owner role least of all."""
    memberships = await _memberships(connection, plan)
    for member, granted in memberships:
        await connection.exec_driver_sql(f"REVOKE {granted} FROM {member} CASCADE")
    return [f"role {member} is no longer a member of {granted}" for member, granted in memberships]


async def _hand_over(connection: AsyncConnection, owner: str) -> list[str]:
    others = await _owned_by_others(connection, owner)
    for row in others:
        await connection.exec_driver_sql(f'ALTER {row.kind} {row.name} OWNER TO "{owner}"')
    return [f"{owner} owns {row.kind.lower()} {row.name}, which was {row.owner}'s" for row in others]


async def _rows(connection: AsyncConnection, names: Collection[str]) -> dict[str, Row[Any]]:
    return {row.rolname: row for row in (await connection.execute(ROLES, {"names": list(names)})).all()}


async def _memberships(connection: AsyncConnection, plan: RolePlan) -> list[tuple[str, str]]:
    rows = await connection.execute(MEMBERSHIPS, {"names": role_names(plan.prefix)})
    return [(row.member, row.granted) for row in rows]


async def _owned_by_others(connection: AsyncConnection, owner: str) -> Sequence[Row[Any]]:
    tables = [*metadata.tables, VERSION_TABLE]
    return (await connection.execute(OWNED_BY_OTHERS, {"tables": tables, "owner": owner, "functions": FUNCTIONS})).all()
