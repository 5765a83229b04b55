"""What the database counts of the business: decisions of late, what is usual, accounts that are not kept in sync."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

WINDOW_S = 900
DAY_S = 86_400
USUAL_MIN_S = 3600
"""Of less than an hour nobody can say what is usual."""

DECISIONS = text("""
    SELECT count(*) AS requests, count(*) FILTER (WHERE setup_approved) AS approved
    FROM trade_setup_risk_logs WHERE created_at > now() - make_interval(secs => :window)
""")

# The day before the window, or as much of it as there is.
USUAL = text("""
    SELECT count(*) AS requests,
           EXTRACT(EPOCH FROM now() - make_interval(secs => :window) - min(created_at))::integer AS seconds
    FROM trade_setup_risk_logs
    WHERE created_at > now() - make_interval(secs => :window + :day)
      AND created_at <= now() - make_interval(secs => :window)
""")

ACCOUNTS = text("""
    SELECT count(*) AS accounts, count(*) FILTER (WHERE sync_status IN ('stale', 'error')) AS out_of_sync
    FROM user_mt5_accounts
""")


@dataclass(frozen=True, slots=True)
class Decided:
    """Decisions of the last `WINDOW_S` seconds, and those that approve."""

    requests: int
    approved: int


async def read_decided(connection: AsyncConnection) -> Decided:
    """The decisions of late."""
    row = (await connection.execute(DECISIONS, {"window": WINDOW_S})).one()
    return Decided(row.requests, row.approved)


async def read_baseline(connection: AsyncConnection) -> Fraction | None:
    """Requests in a window, on average of the day before; None where there is too little of it."""
    row = (await connection.execute(USUAL, {"window": WINDOW_S, "day": DAY_S})).one()
    if row.seconds is None or row.seconds < USUAL_MIN_S:
        return None
    return Fraction(row.requests * WINDOW_S, row.seconds)


async def read_accounts(connection: AsyncConnection) -> tuple[int, int]:
    """All accounts, and those that are stale or whose newest message was refused, as the alert rule counts them."""
    row = (await connection.execute(ACCOUNTS)).one()
    return row.accounts, row.out_of_sync
