"""What is granted in a database, how that differs from `shared.database.privileges`, and making it the same."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database.privileges import PUBLIC, Grant, owner_role, role_names, wanted_grants

PLACES = ("DATABASE", "SCHEMA")
"""What `lotwise roles` grants."""
OBJECTS = ("TABLE", "SEQUENCE", "ROUTINE")
"""What `lotwise migrate` grants, as the owner of them all."""

# An empty ACL stands for the defaults: everybody may call a new function and connect to a new database. A service's
# grants are looked for everywhere, PUBLIC's on what is ours: an extension's functions are nobody's secret.
GRANTED = text("""
    WITH object AS (
        SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.oid::regclass::text AS name,
               '' AS column_name, c.relowner AS owner, c.relacl AS acl, c.relnamespace::regnamespace::text AS schema
        FROM pg_class AS c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        UNION ALL
        SELECT 'TABLE', c.oid::regclass::text, quote_ident(a.attname), c.relowner, a.attacl,
               c.relnamespace::regnamespace::text
        FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
        WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
        UNION ALL
        SELECT 'ROUTINE', p.oid::regprocedure::text, '', p.proowner, COALESCE(p.proacl, acldefault('f', p.proowner)),
               p.pronamespace::regnamespace::text
        FROM pg_proc AS p
        UNION ALL
        SELECT 'SCHEMA', quote_ident(n.nspname), '', n.nspowner, n.nspacl, quote_ident(n.nspname) FROM pg_namespace AS n
        UNION ALL
        SELECT 'DATABASE', quote_ident(d.datname), '', d.datdba, COALESCE(d.datacl, acldefault('d', d.datdba)), ''
        FROM pg_database AS d WHERE d.datname = current_database()
    )
    SELECT COALESCE(grantee.rolname, 'PUBLIC') AS role, object.kind, object.name, entry.privilege_type,
           object.column_name, entry.is_grantable, pg_get_userbyid(object.owner) AS owner
    FROM object CROSS JOIN LATERAL aclexplode(object.acl) AS entry
    LEFT JOIN pg_roles AS grantee ON grantee.oid = entry.grantee
    WHERE object.schema !~ '^(pg_|information_schema$)'
      AND (grantee.rolname = ANY(CAST(:services AS text[]))
           OR (entry.grantee = 0 AND (object.kind = 'DATABASE' OR object.name = 'public' AND object.kind = 'SCHEMA'
                                      OR pg_get_userbyid(object.owner) = :owner)))
""")

EXISTING = text("""
    SELECT c.oid::regclass::text FROM pg_class AS c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    UNION ALL
    SELECT p.oid::regprocedure::text FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace
""")

DATABASE = text("""
    SELECT quote_ident(d.datname) AS name, pg_get_userbyid(d.datdba) AS owner
    FROM pg_database AS d WHERE d.datname = current_database()
""")


@dataclass(frozen=True, slots=True)
class Difference:
    """A privilege that is missing, or one that is too much. `owner` is whose object it is, None where it is missing."""

    grant: Grant
    is_missing: bool
    owner: str | None = None

    def __str__(self) -> str:
        """One line for the operator."""
        return f"{self.grant.role} {'lacks' if self.is_missing else 'has, and should not:'} {self.grant}"

    @property
    def statement(self) -> str:
        """The statement that mends it."""
        grant = self.grant
        columns = f" ({grant.column})" if grant.column else ""
        what = f"{grant.privilege}{columns} ON {grant.kind} {grant.name}"
        role = grant.role if grant.role == PUBLIC else f'"{grant.role}"'
        return f"GRANT {what} TO {role}" if self.is_missing else f"REVOKE {what} FROM {role} CASCADE"


async def database_and_owner(connection: AsyncConnection) -> tuple[str, str]:
    """The quoted name of the database that we are connected to, and the role that owns it."""
    name, owner = (await connection.execute(DATABASE)).one()
    return name, owner


async def grant_differences(connection: AsyncConnection, prefix: str) -> list[Difference]:
    """Each privilege that is granted and should not be, then each that should be and is not, by role and object.

    What is to be granted on a table that is not there yet is no difference.
    """
    database, _ = await database_and_owner(connection)
    existing = set((await connection.execute(EXISTING)).scalars())
    names = {"services": role_names(prefix), "owner": owner_role(prefix)}
    granted = {Grant(*row[:-1]): row[-1] for row in (await connection.execute(GRANTED, names)).all()}
    wanted = {grant for grant in wanted_grants(prefix, database) if grant.kind in PLACES or grant.name in existing}
    surplus = [Difference(grant, is_missing=False, owner=granted[grant]) for grant in sorted(granted.keys() - wanted)]
    return surplus + [Difference(grant, is_missing=True) for grant in sorted(wanted - granted.keys())]


async def mend_grants(connection: AsyncConnection, prefix: str, *, kinds: Collection[str]) -> Sequence[Difference]:
    """Make what is granted on objects of `kinds` exactly what it should be; what was done.

    On tables and functions only those of the owner role are touched: on another's, another decides, and
    `grant_differences` names them.
    """
    owner = owner_role(prefix)
    done = [
        difference
        for difference in await grant_differences(connection, prefix)
        if difference.grant.kind in kinds
        and (difference.is_missing or difference.grant.kind in PLACES or difference.owner == owner)
    ]
    for difference in done:
        await connection.exec_driver_sql(difference.statement)
    return done
