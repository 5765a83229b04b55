"""The decisions of one user, newest first, by an index; it takes the place of one that no query uses.

Revision: 0005, after 0004

No insert pays more than before: one index comes, (user_id, id), and one goes, (user_mt5_account_id, created_at).

The previous release runs on beside it, but building the index keeps sizing from writing for as long as it takes. It
cannot be built concurrently here: PostgreSQL builds no index of a partitioned table so, nor any inside a transaction.
Where the log is large, build it beforehand, one partition at a time, while everything runs; what is there already is
only attached, at once:

    CREATE INDEX CONCURRENTLY ON trade_setup_risk_logs_p202611 (user_id, id);

A lock that is not had within five seconds ends the migration; nothing is changed then, and it can be run again.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = "trade_setup_risk_logs"
BY_USER = "ix_trade_setup_risk_logs_user_id_id"
BY_ACCOUNT = "ix_trade_setup_risk_logs_user_mt5_account_id_created_at"


def upgrade() -> None:
    """Build before dropping: reads go on while it is built, and stop for the drop alone."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_index(op.f(BY_USER), TABLE, ["user_id", "id"])
    op.drop_index(op.f(BY_ACCOUNT), table_name=TABLE)


def downgrade() -> None:
    """Put the former index back."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_index(op.f(BY_ACCOUNT), TABLE, ["user_mt5_account_id", "created_at"])
    op.drop_index(op.f(BY_USER), table_name=TABLE)
