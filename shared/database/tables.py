"""The tables, as data. The migrations make them; `alembic check` proves that both say the same.

Money is `numeric` and exact, time is `timestamptz`. The first four tables have the columns that the outside world
relies on, no more and no fewer; what they cannot hold lies in tables of its own.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

PARTITION_NAME = r"^(user_mt5_sync_logs|trade_setup_risk_logs)_(default|p\d{6,8})$"
"""Names of partitions, which come and go with time and are no part of the schema's definition."""


def _time(name: str, *, nullable: bool = False, comment: str | None = None, now: bool = False) -> Column[object]:
    default = func.now() if now else None
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default, comment=comment)


user_mt5_accounts = Table(
    "user_mt5_accounts",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("user_id", Text, nullable=False, comment="the one user whom the account belongs to"),
    Column("mt5_account_id", BigInteger, nullable=False, comment="the login number on its trade server"),
    Column("mt5_server", Text, nullable=False),
    Column("broker_name", Text, nullable=False),
    Column("account_currency", Text, nullable=False),
    Column("balance", Numeric, nullable=False, comment="account currency"),
    Column("equity", Numeric, nullable=False, comment="account currency"),
    Column("margin_used", Numeric, nullable=False, comment="account currency"),
    Column("margin_free", Numeric, nullable=False, comment="account currency"),
    Column("margin_level_percent", Numeric, comment="equity / margin_used * 100; null where no margin is used"),
    Column("account_leverage", Integer, nullable=False, comment="100 = 1:100"),
    Column("open_positions_count", Integer, nullable=False),
    Column("total_positions_volume", Numeric, nullable=False, comment="lots"),
    Column("is_demo", Boolean, nullable=False),
    Column("sync_status", Text, nullable=False, comment="for people; sizing reads last_synced_at, never this"),
    _time("last_synced_at", comment="captured_at of the applied snapshot"),
    _time("created_at", now=True),
    _time("updated_at", now=True),
    UniqueConstraint("mt5_server", "mt5_account_id"),
    CheckConstraint("sync_status IN ('active', 'inactive', 'stale', 'error')", name="sync_status"),
    CheckConstraint("margin_used >= 0", name="margin_used"),
    CheckConstraint("account_leverage >= 0", name="account_leverage"),
    CheckConstraint("open_positions_count >= 0", name="open_positions_count"),
    CheckConstraint("total_positions_volume >= 0", name="total_positions_volume"),
    Index(None, "user_id"),
    comment="Each account at its newest snapshot",
)

user_mt5_account_details = Table(
    "user_mt5_account_details",
    metadata,
    Column("user_mt5_account_id", BigInteger, ForeignKey("user_mt5_accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("currency_digits", SmallInteger, nullable=False, comment="decimal places of money on this account"),
    Column("margin_mode", Text, nullable=False),
    Column("trade_allowed", Boolean, nullable=False),
    _time("arrived_at", comment="when the applied snapshot arrived, by the database's clock"),
    CheckConstraint("currency_digits BETWEEN 0 AND 8", name="currency_digits"),
    CheckConstraint("margin_mode IN ('hedging', 'netting', 'exchange')", name="margin_mode"),
    comment="What a snapshot says of an account beyond user_mt5_accounts",
)

user_mt5_sync_logs = Table(
    "user_mt5_sync_logs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("message_id", Uuid),
    Column("user_id", Text),
    Column("mt5_account_id", BigInteger),
    Column("mt5_server", Text),
    Column("operation", Text),
    Column("sync_status", Text, nullable=False),
    Column("balance_before", Numeric),
    Column("balance_after", Numeric),
    Column("equity_after", Numeric),
    Column("margin_free_after", Numeric),
    Column("error_code", Text),
    Column("error_message", Text),
    _time("captured_at", nullable=True),
    Column(
        "synced_at", DateTime(timezone=True), primary_key=True, server_default=func.clock_timestamp(), nullable=False
    ),
    CheckConstraint("operation IN ('snapshot', 'instruments')", name="operation"),
    CheckConstraint("sync_status IN ('applied', 'superseded', 'refused')", name="sync_status"),
    CheckConstraint("(sync_status = 'refused') <= (error_code IS NOT NULL)", name="refused_has_code"),
    Index(None, "mt5_account_id", "synced_at"),
    postgresql_partition_by="RANGE (synced_at)",
    comment="One row for every delivery about an account; partitioned by day",
)

trade_setup_risk_logs = Table(
    "trade_setup_risk_logs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("request_id", Uuid, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("user_mt5_account_id", BigInteger, comment="an id of user_mt5_accounts; null where none was found"),
    Column("setup_id", Text, nullable=False),
    Column("instrument", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("account_balance", Numeric),
    Column("account_equity", Numeric),
    Column("margin_available", Numeric),
    Column("account_leverage", Integer),
    Column("global_risk_percent", Numeric, nullable=False),
    Column("config_version", Integer, nullable=False),
    Column("allocated_risk_amount", Numeric),
    Column("entry_1_volume", Numeric, comment="lots"),
    Column("entry_2_volume", Numeric, comment="lots"),
    Column("entry_3_volume", Numeric, comment="lots"),
    Column("total_stop_loss_amount", Numeric),
    Column("total_margin_required", Numeric),
    Column("setup_approved", Boolean, nullable=False),
    Column("rejection_reason", Text, comment="the reason's code; null where approved"),
    Column(
        "created_at", DateTime(timezone=True), primary_key=True, server_default=func.clock_timestamp(), nullable=False
    ),
    CheckConstraint("side IN ('buy', 'sell')", name="side"),
    CheckConstraint("setup_approved = (rejection_reason IS NULL)", name="rejected_has_reason"),
    Index(None, "created_at", postgresql_using="brin"),
    Index(None, "user_id", "id"),
    postgresql_partition_by="RANGE (created_at)",
    comment="The audit row of every decision; partitioned by month",
)

risk_configuration = Table(
    "risk_configuration",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("fixed_risk_percent", Numeric, nullable=False, comment="3 = 3 %"),
    Column("entry_1_percent", Numeric, nullable=False, comment="a fraction: 0.50 = 50 %"),
    Column("entry_2_percent", Numeric, nullable=False, comment="a fraction"),
    Column("entry_3_percent", Numeric, nullable=False, comment="a fraction"),
    Column("margin_buffer_percent", Numeric, nullable=False, comment="20 = 20 %"),
    Column("updated_by", Text, nullable=False, server_default=text("'system'")),
    _time("updated_at", now=True),
    _time("created_at", now=True),
    CheckConstraint("id = 1", name="one_row"),
    CheckConstraint("fixed_risk_percent BETWEEN 0.1 AND 50", name="fixed_risk_percent"),
    CheckConstraint(
        "entry_1_percent > 0 AND entry_2_percent > 0 AND entry_3_percent > 0"
        " AND entry_1_percent + entry_2_percent + entry_3_percent = 1",
        name="entry_splits",
    ),
    CheckConstraint("margin_buffer_percent >= 0 AND margin_buffer_percent < 100", name="margin_buffer_percent"),
    comment="The configuration as it is now; its versions are in risk_configuration_history",
)

risk_configuration_history = Table(
    "risk_configuration_history",
    metadata,
    Column("config_version", Integer, primary_key=True, autoincrement=False),
    Column("command_id", Text, comment="the command that made this version; null for the first"),
    Column("command_hash", LargeBinary, comment="SHA-256 of that command's content"),
    Column("fixed_risk_percent", Numeric, nullable=False),
    Column("entry_1_percent", Numeric, nullable=False),
    Column("entry_2_percent", Numeric, nullable=False),
    Column("entry_3_percent", Numeric, nullable=False),
    Column("margin_buffer_percent", Numeric, nullable=False),
    Column("reason", Text),
    Column("updated_by", Text, nullable=False),
    _time("updated_at"),
    UniqueConstraint("command_id"),
    CheckConstraint("config_version >= 1", name="config_version"),
    comment="Every version of the configuration, whole; the highest is the one in force",
)

risk_configuration_outbox = Table(
    "risk_configuration_outbox",
    metadata,
    Column(
        "config_version",
        Integer,
        ForeignKey("risk_configuration_history.config_version"),
        primary_key=True,
        autoincrement=False,
    ),
    _time("created_at", now=True),
    comment="Versions still to be broadcast; a row is deleted once the broker has confirmed it",
)

risk_configuration_schedules = Table(
    "risk_configuration_schedules",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("schedule_id", Uuid, nullable=False),
    Column("command_id", Text, nullable=False, comment="the command that planned it"),
    Column("command_hash", LargeBinary, nullable=False, comment="SHA-256 of that command's content"),
    Column("new_risk_percent", Numeric, nullable=False, comment="3 = 3 %"),
    _time("effective_at"),
    Column("reason", Text),
    Column("planned_by", Text, nullable=False),
    _time("planned_at"),
    Column(
        "config_version",
        Integer,
        ForeignKey("risk_configuration_history.config_version"),
        nullable=False,
        comment="in force when it was planned",
    ),
    UniqueConstraint("schedule_id"),
    UniqueConstraint("command_id"),
    CheckConstraint("new_risk_percent BETWEEN 0.1 AND 50", name="new_risk_percent"),
    CheckConstraint("effective_at > planned_at", name="effective_at"),
    comment="Every change that was planned. Never updated: how one ended is in risk_configuration_schedule_ends",
)

risk_configuration_schedule_ends = Table(
    "risk_configuration_schedule_ends",
    metadata,
    Column("schedule_id", Uuid, ForeignKey("risk_configuration_schedules.schedule_id"), primary_key=True),
    Column("state", Text, nullable=False),
    _time("ended_at"),
    Column("ended_by", Text, nullable=False),
    Column(
        "config_version",
        Integer,
        ForeignKey("risk_configuration_history.config_version"),
        nullable=False,
        comment="the version it made, or the one then in force",
    ),
    Column("command_id", Text, comment="the command that cancelled it"),
    Column("command_hash", LargeBinary, comment="SHA-256 of that command's content"),
    UniqueConstraint("command_id"),
    CheckConstraint("state IN ('applied', 'cancelled', 'missed')", name="state"),
    CheckConstraint("(state = 'cancelled') = (command_id IS NOT NULL)", name="cancelled_by_command"),
    comment="How each planned change ended: its key lets it end once, whoever tries",
)

mt5_instruments = Table(
    "mt5_instruments",
    metadata,
    Column("mt5_server", Text, primary_key=True),
    Column("mt5_account_id", BigInteger, primary_key=True),
    Column("instrument", Text, primary_key=True, comment="the business's name of the thing"),
    Column("user_id", Text, nullable=False),
    Column("account_currency", Text, nullable=False),
    Column("account_leverage", Integer, nullable=False),
    Column("spec", JSONB, nullable=False, comment="the specification as published, decimals as strings"),
    _time("captured_at"),
    _time("received_at", now=True),
    comment="What each account's broker says of its symbols; may precede the account's first snapshot",
)

decisions = Table(
    "decisions",
    metadata,
    Column("request_id", Uuid, primary_key=True),
    Column("content_hash", LargeBinary, nullable=False, comment="SHA-256 of the request's content"),
    Column("reply", LargeBinary, nullable=False, comment="the reply's body, byte for byte"),
    _time("decided_at"),
    Index(None, "decided_at", postgresql_using="brin"),
    comment="The memory of what was decided: a request is decided once",
)

sizing_outcomes = Table(
    "sizing_outcomes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("request_id", Uuid, nullable=False),
    Column("outcome", Text, nullable=False),
    _time("occurred_at"),
    Column("arrived_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("user_mt5_account_id", BigInteger, comment="the account of the reservation; null where there is none yet"),
    CheckConstraint("outcome IN ('executed', 'cancelled', 'failed')", name="outcome"),
    UniqueConstraint("request_id", "outcome", "occurred_at"),
    Index(None, "user_mt5_account_id", "arrived_at"),
    comment="What became of setups; may come early, late, twice and in any order",
)

margin_reservations = Table(
    "margin_reservations",
    metadata,
    Column("request_id", Uuid, primary_key=True),
    Column("user_mt5_account_id", BigInteger, ForeignKey("user_mt5_accounts.id", ondelete="CASCADE"), nullable=False),
    Column("margin", Numeric, nullable=False, comment="account currency, all entries of the setup together"),
    _time("decided_at"),
    _time("expires_at", comment="no order is placed on the approval after this"),
    CheckConstraint("margin >= 0", name="margin"),
    CheckConstraint("expires_at >= decided_at", name="expires_at"),
    Index(None, "user_mt5_account_id", "expires_at"),
    comment="What approvals hold. Never updated: whether one is live is a query over it, its outcomes and its account",
)

decision_records = Table(
    "decision_records",
    metadata,
    Column("request_id", Uuid, primary_key=True),
    Column("user_mt5_account_id", BigInteger, comment="an id of user_mt5_accounts; null where none was found"),
    Column("engine_version", Integer, nullable=False),
    Column("record", LargeBinary, nullable=False, comment="everything the decision was made from, as compressed JSON"),
    _time("decided_at"),
    Column(
        "reservations_of",
        Uuid,
        comment="the request whose record lists the reservations that both saw; those listed here came after",
    ),
    Index(None, "decided_at"),
    comment="The proof of each decision: explained, replayed and simulated from",
)

account_moves = Table(
    "account_moves",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("user_mt5_account_id", BigInteger, nullable=False, comment="an id of user_mt5_accounts"),
    Column("from_user_id", Text, nullable=False),
    Column("to_user_id", Text, nullable=False),
    Column("moved_by", Text, nullable=False, comment="the operator"),
    Column("reason", Text, nullable=False),
    _time("moved_at", now=True),
    CheckConstraint("from_user_id <> to_user_id", name="another_user"),
    comment="Every time an account became another user's",
)

operator_actions = Table(
    "operator_actions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _time("at", now=True),
    Column("operator", Text, nullable=False, comment="the login, or the name that was given"),
    Column("action", Text, nullable=False),
    Column("queue", Text, nullable=False, comment="the work queue that the message died in"),
    Column("message_id", Text),
    Column("message_type", Text),
    Column("sender", Text, comment="who sent the original"),
    Column("parked_reason", Text, nullable=False),
    Column("filters", Text, nullable=False, comment="what the operator asked for"),
    Column("outcome", Text, nullable=False),
    CheckConstraint("action IN ('replay', 'purge')", name="action"),
    comment="Every parked message that an operator replayed or purged; rows are only added",
)

notices_told = Table(
    "notices_told",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("config_version", Integer, nullable=False, comment="the newest version that was told"),
    _time("missed_at", comment="the end of the missed plan told last"),
    _time("updated_at", now=True),
    CheckConstraint("id = 1", name="one_row"),
    comment="How far people have been told: where the replica begins that is on duty next",
)
