"""Records of one transaction list the reservations that they saw once.

Revision: 0009, after 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column that earlier records leave null, and compress no record again that is compressed already.

    Neither rewrites the table.
    """
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "decision_records",
        sa.Column(
            "reservations_of",
            sa.Uuid(),
            nullable=True,
            comment="the request whose record lists the reservations that both saw; those listed here came after",
        ),
    )
    op.execute("ALTER TABLE decision_records ALTER COLUMN record SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Remove it: of requests that were decided together, all but the first lose the list of what held margin."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE decision_records ALTER COLUMN record SET STORAGE EXTENDED")
    op.drop_column("decision_records", "reservations_of")
