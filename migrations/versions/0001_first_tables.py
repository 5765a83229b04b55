"""The tables of the main path, and the configuration to start with.

Revision: 0001, the first
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table, and version 1 of the configuration."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "decisions",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False, comment="SHA-256 of the request's content"),
        sa.Column("reply", sa.LargeBinary(), nullable=False, comment="the reply's body, byte for byte"),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_decisions")),
        comment="The memory of what was decided: a request is decided once",
    )
    op.create_index(op.f("ix_decisions_decided_at"), "decisions", ["decided_at"], unique=False, postgresql_using="brin")
    op.create_table(
        "mt5_instruments",
        sa.Column("mt5_server", sa.Text(), nullable=False),
        sa.Column("mt5_account_id", sa.BigInteger(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False, comment="the business's name of the thing"),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("account_currency", sa.Text(), nullable=False),
        sa.Column("account_leverage", sa.Integer(), nullable=False),
        sa.Column(
            "spec",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the specification as published, decimals as strings",
        ),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("mt5_server", "mt5_account_id", "instrument", name=op.f("pk_mt5_instruments")),
        comment="What each account's broker says of its symbols; may precede the account's first snapshot",
    )
    op.create_table(
        "risk_configuration",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("fixed_risk_percent", sa.Numeric(), nullable=False, comment="3 = 3 %"),
        sa.Column("entry_1_percent", sa.Numeric(), nullable=False, comment="a fraction: 0.50 = 50 %"),
        sa.Column("entry_2_percent", sa.Numeric(), nullable=False, comment="a fraction"),
        sa.Column("entry_3_percent", sa.Numeric(), nullable=False, comment="a fraction"),
        sa.Column("margin_buffer_percent", sa.Numeric(), nullable=False, comment="20 = 20 %"),
        sa.Column("updated_by", sa.Text(), server_default=sa.text("'system'"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "entry_1_percent > 0 AND entry_2_percent > 0 AND entry_3_percent > 0"
            " AND entry_1_percent + entry_2_percent + entry_3_percent = 1",
            name=op.f("ck_risk_configuration_entry_splits"),
        ),
        sa.CheckConstraint(
            "fixed_risk_percent BETWEEN 0.1 AND 50", name=op.f("ck_risk_configuration_fixed_risk_percent")
        ),
        sa.CheckConstraint("id = 1", name=op.f("ck_risk_configuration_one_row")),
        sa.CheckConstraint(
            "margin_buffer_percent >= 0 AND margin_buffer_percent < 100",
            name=op.f("ck_risk_configuration_margin_buffer_percent"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_configuration")),
        comment="The configuration as it is now; its versions are in risk_configuration_history",
    )
    op.create_table(
        "risk_configuration_history",
        sa.Column("config_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "command_id", sa.Text(), nullable=True, comment="the command that made this version; null for the first"
        ),
        sa.Column("command_hash", sa.LargeBinary(), nullable=True, comment="SHA-256 of that command's content"),
        sa.Column("fixed_risk_percent", sa.Numeric(), nullable=False),
        sa.Column("entry_1_percent", sa.Numeric(), nullable=False),
        sa.Column("entry_2_percent", sa.Numeric(), nullable=False),
        sa.Column("entry_3_percent", sa.Numeric(), nullable=False),
        sa.Column("margin_buffer_percent", sa.Numeric(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("config_version >= 1", name=op.f("ck_risk_configuration_history_config_version")),
        sa.PrimaryKeyConstraint("config_version", name=op.f("pk_risk_configuration_history")),
        sa.UniqueConstraint("command_id", name=op.f("uq_risk_configuration_history_command_id")),
        comment="Every version of the configuration, whole; the highest is the one in force",
    )
    op.create_table(
        "sizing_outcomes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "arrived_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("outcome IN ('executed', 'cancelled', 'failed')", name=op.f("ck_sizing_outcomes_outcome")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sizing_outcomes")),
        sa.UniqueConstraint(
            "request_id", "outcome", "occurred_at", name=op.f("uq_sizing_outcomes_request_id_outcome_occurred_at")
        ),
        comment="What became of setups; may come early, late, twice and in any order",
    )
    op.create_table(
        "trade_setup_risk_logs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column(
            "user_mt5_account_id",
            sa.BigInteger(),
            nullable=True,
            comment="an id of user_mt5_accounts; null where none was found",
        ),
        sa.Column("setup_id", sa.Text(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("account_balance", sa.Numeric(), nullable=True),
        sa.Column("account_equity", sa.Numeric(), nullable=True),
        sa.Column("margin_available", sa.Numeric(), nullable=True),
        sa.Column("account_leverage", sa.Integer(), nullable=True),
        sa.Column("global_risk_percent", sa.Numeric(), nullable=False),
        sa.Column("config_version", sa.Integer(), nullable=False),
        sa.Column("allocated_risk_amount", sa.Numeric(), nullable=True),
        sa.Column("entry_1_volume", sa.Numeric(), nullable=True, comment="lots"),
        sa.Column("entry_2_volume", sa.Numeric(), nullable=True, comment="lots"),
        sa.Column("entry_3_volume", sa.Numeric(), nullable=True, comment="lots"),
        sa.Column("total_stop_loss_amount", sa.Numeric(), nullable=True),
        sa.Column("total_margin_required", sa.Numeric(), nullable=True),
        sa.Column("setup_approved", sa.Boolean(), nullable=False),
        sa.Column("rejection_reason", sa.Text(), nullable=True, comment="the reason's code; null where approved"),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("side IN ('buy', 'sell')", name=op.f("ck_trade_setup_risk_logs_side")),
        sa.CheckConstraint(
            "setup_approved = (rejection_reason IS NULL)", name=op.f("ck_trade_setup_risk_logs_rejected_has_reason")
        ),
        sa.PrimaryKeyConstraint("id", "created_at", name=op.f("pk_trade_setup_risk_logs")),
        comment="The audit row of every decision; partitioned by month",
        postgresql_partition_by="RANGE (created_at)",
    )
    op.create_index(
        op.f("ix_trade_setup_risk_logs_created_at"),
        "trade_setup_risk_logs",
        ["created_at"],
        unique=False,
        postgresql_using="brin",
    )
    op.create_index(
        op.f("ix_trade_setup_risk_logs_user_mt5_account_id_created_at"),
        "trade_setup_risk_logs",
        ["user_mt5_account_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "user_mt5_accounts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False, comment="the one user whom the account belongs to"),
        sa.Column("mt5_account_id", sa.BigInteger(), nullable=False, comment="the login number on its trade server"),
        sa.Column("mt5_server", sa.Text(), nullable=False),
        sa.Column("broker_name", sa.Text(), nullable=False),
        sa.Column("account_currency", sa.Text(), nullable=False),
        sa.Column("balance", sa.Numeric(), nullable=False, comment="account currency"),
        sa.Column("equity", sa.Numeric(), nullable=False, comment="account currency"),
        sa.Column("margin_used", sa.Numeric(), nullable=False, comment="account currency"),
        sa.Column("margin_free", sa.Numeric(), nullable=False, comment="account currency"),
        sa.Column(
            "margin_level_percent",
            sa.Numeric(),
            nullable=True,
            comment="equity / margin_used * 100; null where no margin is used",
        ),
        sa.Column("account_leverage", sa.Integer(), nullable=False, comment="100 = 1:100"),
        sa.Column("open_positions_count", sa.Integer(), nullable=False),
        sa.Column("total_positions_volume", sa.Numeric(), nullable=False, comment="lots"),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column(
            "sync_status", sa.Text(), nullable=False, comment="for people; sizing reads last_synced_at, never this"
        ),
        sa.Column(
            "last_synced_at", sa.DateTime(timezone=True), nullable=False, comment="captured_at of the applied snapshot"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "sync_status IN ('active', 'inactive', 'stale', 'error')", name=op.f("ck_user_mt5_accounts_sync_status")
        ),
        sa.CheckConstraint("account_leverage >= 0", name=op.f("ck_user_mt5_accounts_account_leverage")),
        sa.CheckConstraint("margin_used >= 0", name=op.f("ck_user_mt5_accounts_margin_used")),
        sa.CheckConstraint("open_positions_count >= 0", name=op.f("ck_user_mt5_accounts_open_positions_count")),
        sa.CheckConstraint("total_positions_volume >= 0", name=op.f("ck_user_mt5_accounts_total_positions_volume")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_mt5_accounts")),
        sa.UniqueConstraint(
            "mt5_server", "mt5_account_id", name=op.f("uq_user_mt5_accounts_mt5_server_mt5_account_id")
        ),
        comment="Each account at its newest snapshot",
    )
    op.create_index(op.f("ix_user_mt5_accounts_user_id"), "user_mt5_accounts", ["user_id"], unique=False)
    op.create_table(
        "user_mt5_sync_logs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("mt5_account_id", sa.BigInteger(), nullable=True),
        sa.Column("mt5_server", sa.Text(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("sync_status", sa.Text(), nullable=False),
        sa.Column("balance_before", sa.Numeric(), nullable=True),
        sa.Column("balance_after", sa.Numeric(), nullable=True),
        sa.Column("equity_after", sa.Numeric(), nullable=True),
        sa.Column("margin_free_after", sa.Numeric(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("synced_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint(
            "(sync_status = 'refused') <= (error_code IS NOT NULL)", name=op.f("ck_user_mt5_sync_logs_refused_has_code")
        ),
        sa.CheckConstraint("operation IN ('snapshot', 'instruments')", name=op.f("ck_user_mt5_sync_logs_operation")),
        sa.CheckConstraint(
            "sync_status IN ('applied', 'superseded', 'refused')", name=op.f("ck_user_mt5_sync_logs_sync_status")
        ),
        sa.PrimaryKeyConstraint("id", "synced_at", name=op.f("pk_user_mt5_sync_logs")),
        comment="One row for every delivery about an account; partitioned by day",
        postgresql_partition_by="RANGE (synced_at)",
    )
    op.create_index(
        op.f("ix_user_mt5_sync_logs_mt5_account_id_synced_at"),
        "user_mt5_sync_logs",
        ["mt5_account_id", "synced_at"],
        unique=False,
    )
    op.create_table(
        "risk_configuration_outbox",
        sa.Column("config_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["config_version"],
            ["risk_configuration_history.config_version"],
            name=op.f("fk_risk_configuration_outbox_config_version"),
        ),
        sa.PrimaryKeyConstraint("config_version", name=op.f("pk_risk_configuration_outbox")),
        comment="Versions still to be broadcast; a row is deleted once the broker has confirmed it",
    )
    op.create_table(
        "user_mt5_account_details",
        sa.Column("user_mt5_account_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "currency_digits", sa.SmallInteger(), nullable=False, comment="decimal places of money on this account"
        ),
        sa.Column("margin_mode", sa.Text(), nullable=False),
        sa.Column("trade_allowed", sa.Boolean(), nullable=False),
        sa.Column(
            "arrived_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when the applied snapshot arrived, by the database's clock",
        ),
        sa.CheckConstraint(
            "margin_mode IN ('hedging', 'netting', 'exchange')", name=op.f("ck_user_mt5_account_details_margin_mode")
        ),
        sa.CheckConstraint("currency_digits BETWEEN 0 AND 8", name=op.f("ck_user_mt5_account_details_currency_digits")),
        sa.ForeignKeyConstraint(
            ["user_mt5_account_id"],
            ["user_mt5_accounts.id"],
            name=op.f("fk_user_mt5_account_details_user_mt5_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_mt5_account_id", name=op.f("pk_user_mt5_account_details")),
        comment="What a snapshot says of an account beyond user_mt5_accounts",
    )
    op.execute(
        "INSERT INTO risk_configuration (id, fixed_risk_percent, entry_1_percent, entry_2_percent, entry_3_percent,"
        " margin_buffer_percent) VALUES (1, 3.0, 0.50, 0.35, 0.15, 20.0)"
    )
    op.execute(
        "INSERT INTO risk_configuration_history (config_version, fixed_risk_percent, entry_1_percent, entry_2_percent,"
        " entry_3_percent, margin_buffer_percent, reason, updated_by, updated_at)"
        " SELECT 1, fixed_risk_percent, entry_1_percent, entry_2_percent, entry_3_percent, margin_buffer_percent,"
        " 'the defaults', updated_by, updated_at FROM risk_configuration"
    )


def downgrade() -> None:
    """Remove every table."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("user_mt5_account_details")
    op.drop_table("risk_configuration_outbox")
    op.drop_index(op.f("ix_user_mt5_sync_logs_mt5_account_id_synced_at"), table_name="user_mt5_sync_logs")
    op.drop_table("user_mt5_sync_logs")
    op.drop_index(op.f("ix_user_mt5_accounts_user_id"), table_name="user_mt5_accounts")
    op.drop_table("user_mt5_accounts")
    op.drop_index(op.f("ix_trade_setup_risk_logs_user_mt5_account_id_created_at"), table_name="trade_setup_risk_logs")
    op.drop_index(
        op.f("ix_trade_setup_risk_logs_created_at"), table_name="trade_setup_risk_logs", postgresql_using="brin"
    )
    op.drop_table("trade_setup_risk_logs")
    op.drop_table("sizing_outcomes")
    op.drop_table("risk_configuration_history")
    op.drop_table("risk_configuration")
    op.drop_table("mt5_instruments")
    op.drop_index(op.f("ix_decisions_decided_at"), table_name="decisions", postgresql_using="brin")
    op.drop_table("decisions")
