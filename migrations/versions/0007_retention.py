"""What is old is forgotten: partitions are dropped, decisions deleted, by functions that can do nothing else.

Revision: 0007, after 0006

Services neither own tables nor may delete from them: hence functions that run as the owner, one small step a call. Each
waits 200 ms for its locks, because what comes after a waiting ACCESS EXCLUSIVE waits with it, and then gives up; who
called tries again later. Of several replicas one works, the others are told that nothing is to do.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

DROP_PARTITION = """
CREATE FUNCTION lotwise_drop_partition(parent text, days integer) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '200ms'
AS $$
DECLARE
    step text := CASE parent WHEN 'user_mt5_sync_logs' THEN 'day' WHEN 'trade_setup_risk_logs' THEN 'month' END;
    pattern text := CASE step WHEN 'day' THEN 'YYYYMMDD' ELSE 'YYYYMM' END;
    oldest text;
BEGIN
    IF step IS NULL OR days IS NULL OR days < 1 THEN
        RAISE EXCEPTION 'no partition of % older than % days is dropped', parent, days;
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtextextended('lotwise_drop_partition', 0)) THEN
        RETURN NULL;
    END IF;
    -- Its name says when it begins; it goes when its last instant is old enough. The default one has no such name.
    SELECT part.relname INTO oldest
    FROM pg_inherits JOIN pg_class AS part ON part.oid = inhrelid
    WHERE inhparent = parent::regclass AND part.relname ~ ('^' || parent || '_p[0-9]{6,8}$')
      AND to_timestamp(substring(part.relname FROM '[0-9]+$'), pattern) + ('1 ' || step)::interval
          <= clock_timestamp() - make_interval(days => days)
    ORDER BY part.relname LIMIT 1;
    IF oldest IS NOT NULL THEN
        EXECUTE format('DROP TABLE %I', oldest);
    END IF;
    RETURN oldest;
END
$$
"""

# The liveness of a reservation is that of the sizing worker's own query: what still holds margin is never forgotten.
# `decision_records` leads, because its index gives the oldest first; every decision has a record of the same instant.
FORGET_DECISIONS = """
CREATE FUNCTION lotwise_forget_decisions(days integer, batch integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '200ms'
AS $$
DECLARE
    before timestamptz := clock_timestamp() - make_interval(days => days);
    old uuid[];
    strays integer;
BEGIN
    IF days IS NULL OR days < 1 OR batch IS NULL OR batch NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'no % decisions older than % days are forgotten at once', batch, days;
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtextextended('lotwise_forget_decisions', 0)) THEN
        RETURN 0;
    END IF;
    SELECT array_agg(found.request_id) INTO old FROM (
        SELECT record.request_id FROM decision_records AS record
        WHERE record.decided_at < before AND NOT EXISTS (
            SELECT FROM margin_reservations AS held
            JOIN user_mt5_accounts AS account ON account.id = held.user_mt5_account_id
            JOIN user_mt5_account_details AS details ON details.user_mt5_account_id = account.id
            CROSS JOIN LATERAL (
                SELECT count(*) AS reported,
                       max(GREATEST(LEAST(outcome.occurred_at, outcome.arrived_at), held.decided_at))
                           FILTER (WHERE outcome.outcome = 'executed') AS executed_at
                FROM sizing_outcomes AS outcome WHERE outcome.request_id = held.request_id
            ) AS fate
            WHERE held.request_id = record.request_id
              AND CASE WHEN fate.executed_at IS NOT NULL
                       THEN LEAST(account.last_synced_at, details.arrived_at) <= fate.executed_at
                       ELSE fate.reported = 0
                            AND LEAST(account.last_synced_at, details.arrived_at) <= held.expires_at END
        )
        ORDER BY record.decided_at LIMIT batch FOR UPDATE OF record SKIP LOCKED
    ) AS found;
    IF old IS NOT NULL THEN
        DELETE FROM sizing_outcomes WHERE request_id = ANY(old);
        DELETE FROM margin_reservations WHERE request_id = ANY(old);
        DELETE FROM decisions WHERE request_id = ANY(old);
        DELETE FROM decision_records WHERE request_id = ANY(old);
        RETURN cardinality(old);
    END IF;
    -- Outcomes of what was never decided here, or was forgotten before they came.
    DELETE FROM sizing_outcomes WHERE ctid = ANY(ARRAY(
        SELECT stray.ctid FROM sizing_outcomes AS stray
        WHERE stray.user_mt5_account_id IS NULL AND stray.arrived_at < before
          AND NOT EXISTS (SELECT FROM margin_reservations AS held WHERE held.request_id = stray.request_id)
        LIMIT batch FOR UPDATE OF stray SKIP LOCKED
    ));
    GET DIAGNOSTICS strays = ROW_COUNT;
    RETURN strays;
END
$$
"""


def upgrade() -> None:
    """Make the two functions. The previous release calls neither."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DROP_PARTITION)
    op.execute(FORGET_DECISIONS)


def downgrade() -> None:
    """Remove them."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP FUNCTION lotwise_drop_partition(text, integer)")
    op.execute("DROP FUNCTION lotwise_forget_decisions(integer, integer)")
