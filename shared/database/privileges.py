"""Every privilege in the database, as data: a role for each service, and what it may do. All else is refused.

Nothing else in the project grants anything. `lotwise roles` makes the roles, `lotwise migrate` makes the grants exactly
these, `lotwise roles --check` names each difference. Partitions have no grants of their own: they are reached through
their table, whose privileges count. Only the owner role may change or drop a table, and no service is a member of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

OWNER = "owner"
"""The role, after the prefix, that owns the database and everything in it. Migrations run as it."""

PUBLIC = "PUBLIC"
"""PostgreSQL's word for everybody, who may do nothing here but name what lies in the schema `public`."""

VERSION_TABLE = "alembic_version"
CREATE_PARTITIONS = "lotwise_create_partitions(text,integer)"
DROP_PARTITION = "lotwise_drop_partition(text,integer)"
FORGET_DECISIONS = "lotwise_forget_decisions(integer,integer)"
FUNCTIONS = (CREATE_PARTITIONS, DROP_PARTITION, FORGET_DECISIONS)


@dataclass(frozen=True, slots=True)
class ServiceRole:
    """What one service may do: tables by privilege, columns for `update`, functions that it may call."""

    service: str
    select: tuple[str, ...]
    insert: tuple[str, ...]
    update: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    delete: tuple[str, ...] = ()
    execute: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One privilege of one role; `column` is None where it is for the whole table. `role` is a role's whole name."""

    role: str
    kind: str
    """GRANT's own word: `TABLE`, `SEQUENCE`, `ROUTINE`, `SCHEMA` or `DATABASE`."""
    name: str
    privilege: str
    column: str = ""
    grantable: bool = False

    def __str__(self) -> str:
        """As in `SELECT (user_id) on table user_mt5_accounts`."""
        columns = f" ({self.column})" if self.column else ""
        passed_on = " with grant option" if self.grantable else ""
        return f"{self.privilege}{columns} on {self.kind.lower()} {self.name}{passed_on}"


SERVICE_ROLES = (
    ServiceRole(
        "sync_consumer",
        # What ON CONFLICT compares and what it takes from `excluded` must be readable.
        select=("user_mt5_accounts", "user_mt5_account_details", "mt5_instruments"),
        insert=("user_mt5_accounts", "user_mt5_account_details", "mt5_instruments", "user_mt5_sync_logs"),
        update={
            # Neither whose an account is nor which one it is: the operator alone moves it.
            "user_mt5_accounts": (
                "broker_name",
                "account_currency",
                "balance",
                "equity",
                "margin_used",
                "margin_free",
                "margin_level_percent",
                "account_leverage",
                "open_positions_count",
                "total_positions_volume",
                "is_demo",
                "sync_status",
                "last_synced_at",
                "updated_at",
            ),
            "user_mt5_account_details": ("currency_digits", "margin_mode", "trade_allowed", "arrived_at"),
            # Specs may come before the first snapshot tells whose the account is, so here the user may still change.
            "mt5_instruments": (
                "user_id",
                "account_currency",
                "account_leverage",
                "spec",
                "captured_at",
                "received_at",
            ),
        },
        execute=(CREATE_PARTITIONS, DROP_PARTITION),
    ),
    ServiceRole(
        "sizing_worker",
        select=(
            "user_mt5_accounts",
            "user_mt5_account_details",
            "mt5_instruments",
            "risk_configuration_history",
            "decisions",
            "margin_reservations",
            "sizing_outcomes",
        ),
        insert=(
            "decisions",
            "decision_records",
            "trade_setup_risk_logs",
            "margin_reservations",
            "sizing_outcomes",
        ),
        execute=(CREATE_PARTITIONS, DROP_PARTITION, FORGET_DECISIONS),
    ),
    ServiceRole(
        "config_service",
        select=(
            "risk_configuration",
            "risk_configuration_history",
            "risk_configuration_outbox",
            "risk_configuration_schedules",
            "risk_configuration_schedule_ends",
            "notices_told",
            # Shown over HTTP, never changed.
            "user_mt5_accounts",
            "user_mt5_account_details",
            "user_mt5_sync_logs",
            "trade_setup_risk_logs",
            "decisions",
            "decision_records",
        ),
        insert=(
            "risk_configuration_history",
            "risk_configuration_outbox",
            "risk_configuration_schedules",
            "risk_configuration_schedule_ends",
            "notices_told",
        ),
        update={
            "notices_told": ("config_version", "missed_at", "updated_at"),
            "risk_configuration": (
                "fixed_risk_percent",
                "entry_1_percent",
                "entry_2_percent",
                "entry_3_percent",
                "margin_buffer_percent",
                "updated_by",
                "updated_at",
            ),
        },
        # A version leaves the outbox once it is broadcast; its history row stays for ever.
        delete=("risk_configuration_outbox",),
    ),
)


def owner_role(prefix: str) -> str:
    """The name of the owner role of an installation."""
    return f"{prefix}_{OWNER}"


def role_name(prefix: str, service: str) -> str:
    """The name of a service's role in an installation."""
    return f"{prefix}_{service}"


def role_names(prefix: str) -> list[str]:
    """The names of the services' roles of an installation."""
    return [role_name(prefix, role.service) for role in SERVICE_ROLES]


def wanted_grants(prefix: str, database: str) -> set[Grant]:
    """Every privilege that PUBLIC and an installation's service roles have on its database and on what lies in it."""
    return {Grant(PUBLIC, "SCHEMA", "public", "USAGE")} | {
        grant
        for role in SERVICE_ROLES
        for grant in (
            Grant(role_name(prefix, role.service), "DATABASE", database, "CONNECT"),
            *_on_objects(role_name(prefix, role.service), role),
        )
    }


def _on_objects(name: str, role: ServiceRole) -> Iterator[Grant]:
    for privilege, tables in {
        "SELECT": (VERSION_TABLE, *role.select),
        "INSERT": role.insert,
        "DELETE": role.delete,
    }.items():
        for table in tables:
            yield Grant(name, "TABLE", table, privilege)
    for table, columns in role.update.items():
        for column in columns:
            yield Grant(name, "TABLE", table, "UPDATE", column)
    for routine in role.execute:
        yield Grant(name, "ROUTINE", routine, "EXECUTE")
