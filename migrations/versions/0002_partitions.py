"""Partitions of the log tables, made ahead by a function that the services may call.

Revision: 0002, after 0001

Making a partition needs the ownership of its table, which no service has: hence a function that runs as the owner and
can do nothing else. What falls outside every partition goes to the default one, so that a forgotten task loses nothing.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CREATE_PARTITIONS = """
CREATE FUNCTION lotwise_create_partitions(parent text, ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s'
AS $$
DECLARE
    step text := CASE parent WHEN 'user_mt5_sync_logs' THEN 'day' WHEN 'trade_setup_risk_logs' THEN 'month' END;
    time_column text := CASE step WHEN 'day' THEN 'synced_at' ELSE 'created_at' END;
    first_start timestamptz;
    part_start timestamptz;
    part_end timestamptz;
    part_name text;
    made integer := 0;
BEGIN
    IF step IS NULL OR ahead NOT BETWEEN 0 AND 400 THEN
        RAISE EXCEPTION 'no partitions are made of % for % ahead', parent, ahead;
    END IF;
    -- Replicas run the same task: the second waits, then finds the work done.
    PERFORM pg_advisory_xact_lock(hashtextextended('lotwise_create_partitions', 0));
    first_start := date_trunc(step, clock_timestamp());
    FOR i IN 0..ahead LOOP
        part_start := first_start + (i || ' ' || step)::interval;
        part_end := part_start + ('1 ' || step)::interval;
        part_name := parent || '_p' || to_char(part_start, CASE step WHEN 'day' THEN 'YYYYMMDD' ELSE 'YYYYMM' END);
        IF to_regclass(part_name) IS NULL THEN
            -- After a long rest, rows of this time may lie in the default partition: they move into their own.
            EXECUTE format('LOCK TABLE %I IN SHARE ROW EXCLUSIVE MODE', parent || '_default');
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part_name, parent);
            EXECUTE format('WITH moved AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *)'
                           ' INSERT INTO %I SELECT * FROM moved',
                           parent || '_default', time_column, part_start, time_column, part_end, part_name);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                           parent, part_name, part_start, part_end);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END
$$
"""


def upgrade() -> None:
    """Make the default partitions, the function, and the partitions of the next days and months."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("CREATE TABLE user_mt5_sync_logs_default PARTITION OF user_mt5_sync_logs DEFAULT")
    op.execute("CREATE TABLE trade_setup_risk_logs_default PARTITION OF trade_setup_risk_logs DEFAULT")
    op.execute(CREATE_PARTITIONS)
    op.execute("SELECT lotwise_create_partitions('user_mt5_sync_logs', 7)")
    op.execute("SELECT lotwise_create_partitions('trade_setup_risk_logs', 2)")


def downgrade() -> None:
    """Remove the function, and every partition with what it holds."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP FUNCTION lotwise_create_partitions(text, integer)")
    op.execute(
        """
        DO $$
        DECLARE part regclass;
        BEGIN
            FOR part IN SELECT inhrelid::regclass FROM pg_inherits
                WHERE inhparent IN ('user_mt5_sync_logs'::regclass, 'trade_setup_risk_logs'::regclass) LOOP
                EXECUTE format('DROP TABLE %s', part);
            END LOOP;
        END
        $$
        """
    )
