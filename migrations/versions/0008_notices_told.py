"""How far people have been told of changes and plans.

Revision: 0008, after 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, empty: whoever is first on duty begins at what is news then. The previous release ignores it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "notices_told",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("config_version", sa.Integer(), nullable=False, comment="the newest version that was told"),
        sa.Column(
            "missed_at", sa.DateTime(timezone=True), nullable=False, comment="the end of the missed plan told last"
        ),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_notices_told_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices_told")),
        comment="How far people have been told: where the replica begins that is on duty next",
    )


def downgrade() -> None:
    """Remove it: the next one begins at what is news then."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("notices_told")
