"""Planned changes of the risk percent, and how each of them ended.

Revision: 0004, after 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the two tables. The previous release refuses schedules, and writes neither."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "risk_configuration_schedules",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("command_id", sa.Text(), nullable=False, comment="the command that planned it"),
        sa.Column("command_hash", sa.LargeBinary(), nullable=False, comment="SHA-256 of that command's content"),
        sa.Column("new_risk_percent", sa.Numeric(), nullable=False, comment="3 = 3 %"),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("planned_by", sa.Text(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("config_version", sa.Integer(), nullable=False, comment="in force when it was planned"),
        sa.CheckConstraint(
            "new_risk_percent BETWEEN 0.1 AND 50", name=op.f("ck_risk_configuration_schedules_new_risk_percent")
        ),
        sa.CheckConstraint("effective_at > planned_at", name=op.f("ck_risk_configuration_schedules_effective_at")),
        sa.ForeignKeyConstraint(
            ["config_version"],
            ["risk_configuration_history.config_version"],
            name=op.f("fk_risk_configuration_schedules_config_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_configuration_schedules")),
        sa.UniqueConstraint("command_id", name=op.f("uq_risk_configuration_schedules_command_id")),
        sa.UniqueConstraint("schedule_id", name=op.f("uq_risk_configuration_schedules_schedule_id")),
        comment="Every change that was planned. Never updated: how one ended is in risk_configuration_schedule_ends",
    )
    op.create_table(
        "risk_configuration_schedule_ends",
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column(
            "config_version", sa.Integer(), nullable=False, comment="the version it made, or the one then in force"
        ),
        sa.Column("command_id", sa.Text(), nullable=True, comment="the command that cancelled it"),
        sa.Column("command_hash", sa.LargeBinary(), nullable=True, comment="SHA-256 of that command's content"),
        sa.CheckConstraint(
            "state IN ('applied', 'cancelled', 'missed')", name=op.f("ck_risk_configuration_schedule_ends_state")
        ),
        sa.CheckConstraint(
            "(state = 'cancelled') = (command_id IS NOT NULL)",
            name=op.f("ck_risk_configuration_schedule_ends_cancelled_by_command"),
        ),
        sa.ForeignKeyConstraint(
            ["config_version"],
            ["risk_configuration_history.config_version"],
            name=op.f("fk_risk_configuration_schedule_ends_config_version"),
        ),
        sa.ForeignKeyConstraint(
            ["schedule_id"],
            ["risk_configuration_schedules.schedule_id"],
            name=op.f("fk_risk_configuration_schedule_ends_schedule_id"),
        ),
        sa.PrimaryKeyConstraint("schedule_id", name=op.f("pk_risk_configuration_schedule_ends")),
        sa.UniqueConstraint("command_id", name=op.f("uq_risk_configuration_schedule_ends_command_id")),
        comment="How each planned change ended: its key lets it end once, whoever tries",
    )


def downgrade() -> None:
    """Remove them, with what was planned."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("risk_configuration_schedule_ends")
    op.drop_table("risk_configuration_schedules")
