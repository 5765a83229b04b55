"""What operators did to parked messages.

Revision: 0006, after 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table. The previous release knows nothing of it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "operator_actions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False, comment="the login, or the name that was given"),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False, comment="the work queue that the message died in"),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("message_type", sa.Text(), nullable=True),
        sa.Column("sender", sa.Text(), nullable=True, comment="who sent the original"),
        sa.Column("parked_reason", sa.Text(), nullable=False),
        sa.Column("filters", sa.Text(), nullable=False, comment="what the operator asked for"),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.CheckConstraint("action IN ('replay', 'purge')", name=op.f("ck_operator_actions_action")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_actions")),
        comment="Every parked message that an operator replayed or purged; rows are only added",
    )


def downgrade() -> None:
    """Remove it, with what it holds."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("operator_actions")
