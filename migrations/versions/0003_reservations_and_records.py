"""Margin reservations, the full record of each decision, and the moves of accounts between users.

Revision: 0003, after 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and let an outcome name its account. The previous release writes none of them."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "margin_reservations",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("user_mt5_account_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "margin", sa.Numeric(), nullable=False, comment="account currency, all entries of the setup together"
        ),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="no order is placed on the approval after this",
        ),
        sa.CheckConstraint("margin >= 0", name=op.f("ck_margin_reservations_margin")),
        sa.CheckConstraint("expires_at >= decided_at", name=op.f("ck_margin_reservations_expires_at")),
        sa.ForeignKeyConstraint(
            ["user_mt5_account_id"],
            ["user_mt5_accounts.id"],
            name=op.f("fk_margin_reservations_user_mt5_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_margin_reservations")),
        comment=(
            "What approvals hold. Never updated: whether one is live is a query over it, its outcomes and its account"
        ),
    )
    op.create_index(
        op.f("ix_margin_reservations_user_mt5_account_id_expires_at"),
        "margin_reservations",
        ["user_mt5_account_id", "expires_at"],
    )
    op.create_table(
        "decision_records",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column(
            "user_mt5_account_id",
            sa.BigInteger(),
            nullable=True,
            comment="an id of user_mt5_accounts; null where none was found",
        ),
        sa.Column("engine_version", sa.Integer(), nullable=False),
        sa.Column(
            "record",
            sa.LargeBinary(),
            nullable=False,
            comment="everything the decision was made from, as compressed JSON",
        ),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_decision_records")),
        comment="The proof of each decision: explained, replayed and simulated from",
    )
    op.create_index(op.f("ix_decision_records_decided_at"), "decision_records", ["decided_at"])
    op.create_table(
        "account_moves",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_mt5_account_id", sa.BigInteger(), nullable=False, comment="an id of user_mt5_accounts"),
        sa.Column("from_user_id", sa.Text(), nullable=False),
        sa.Column("to_user_id", sa.Text(), nullable=False),
        sa.Column("moved_by", sa.Text(), nullable=False, comment="the operator"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("from_user_id <> to_user_id", name=op.f("ck_account_moves_another_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_moves")),
        comment="Every time an account became another user's",
    )
    op.add_column(
        "sizing_outcomes",
        sa.Column(
            "user_mt5_account_id",
            sa.BigInteger(),
            nullable=True,
            comment="the account of the reservation; null where there is none yet",
        ),
    )
    op.create_index(
        op.f("ix_sizing_outcomes_user_mt5_account_id_arrived_at"),
        "sizing_outcomes",
        ["user_mt5_account_id", "arrived_at"],
    )


def downgrade() -> None:
    """Remove them."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index(op.f("ix_sizing_outcomes_user_mt5_account_id_arrived_at"), table_name="sizing_outcomes")
    op.drop_column("sizing_outcomes", "user_mt5_account_id")
    op.drop_table("account_moves")
    op.drop_table("decision_records")
    op.drop_table("margin_reservations")
