"""What people look up: accounts and decisions, filtered, a page at a time.

Pages go by key (`id`), not by offset: a row that arrives meanwhile moves none, and a deep page costs what the first
does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import eq, ge, gt, lt
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, extract, func, not_, null, select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.tables import decisions, trade_setup_risk_logs, user_mt5_account_details, user_mt5_accounts
from shared.database.transaction import transaction
from shared.schemas.sizing import Status
from shared.sizing.reply import ERRORS

Compare = Callable[[Any, Any], Any]
SyncStatus = Literal["active", "inactive", "stale", "error"]

ACCOUNT = user_mt5_accounts.c
DECISION = trade_setup_risk_logs.c

STATUS: dict[Status, ColumnElement[bool]] = {
    "approved": DECISION.setup_approved,
    "rejected": and_(not_(DECISION.setup_approved), DECISION.rejection_reason.not_in(ERRORS)),
    "error": DECISION.rejection_reason.in_(ERRORS),
}

DECISIONS = select(
    DECISION.id,
    DECISION.request_id,
    DECISION.user_id,
    ACCOUNT.mt5_account_id.label("login"),
    ACCOUNT.mt5_server.label("server"),
    DECISION.setup_id,
    DECISION.instrument,
    DECISION.side,
    case(*((condition, status) for status, condition in STATUS.items()), else_=null()).label("status"),
    DECISION.rejection_reason.label("reason"),
    DECISION.config_version,
    DECISION.global_risk_percent,
    DECISION.account_balance,
    DECISION.account_equity,
    DECISION.account_leverage,
    DECISION.margin_available,
    DECISION.allocated_risk_amount,
    DECISION.entry_1_volume,
    DECISION.entry_2_volume,
    DECISION.entry_3_volume,
    DECISION.total_stop_loss_amount,
    DECISION.total_margin_required,
    DECISION.created_at.label("decided_at"),
).select_from(
    # An account that was removed leaves its decisions behind.
    trade_setup_risk_logs.outerjoin(user_mt5_accounts, ACCOUNT.id == DECISION.user_mt5_account_id)
)


class Found(NamedTuple):
    """A row: the key that pages go by, and its fields by their names on the wire."""

    key: int
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFilter:
    """Which accounts; None asks for any."""

    user_id: str | None = None
    sync_status: SyncStatus | None = None
    login: int | None = None
    server: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFilter:
    """Which decisions; None asks for any. Decided at `since` or later, and before `until`."""

    user_id: str | None = None
    status: Status | None = None
    reason: str | None = None
    setup_id: str | None = None
    instrument: str | None = None
    login: int | None = None
    server: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Reading:
    """Reads. Every method raises DependencyError where the database is away, or takes too long."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def accounts(self, wanted: AccountFilter, *, after: int | None, limit: int) -> Sequence[Found]:
        """At most `limit` accounts with ids above `after`, the lowest first."""
        conditions = _conditions(
            (ACCOUNT.user_id, eq, wanted.user_id),
            (ACCOUNT.sync_status, eq, wanted.sync_status),
            (ACCOUNT.mt5_account_id, eq, wanted.login),
            (ACCOUNT.mt5_server, eq, wanted.server),
            (ACCOUNT.id, gt, after),
        )
        return await self._rows(_account_page(conditions, limit=limit))

    async def decisions(self, wanted: DecisionFilter, *, before: int | None, limit: int) -> Sequence[Found]:
        """At most `limit` decisions with ids below `before`, the newest first."""
        conditions = _conditions(
            (DECISION.user_id, eq, wanted.user_id),
            (DECISION.rejection_reason, eq, wanted.reason),
            (DECISION.setup_id, eq, wanted.setup_id),
            (DECISION.instrument, eq, wanted.instrument),
            (DECISION.created_at, ge, wanted.since),
            (DECISION.created_at, lt, wanted.until),
            (DECISION.id, lt, before),
        )
        if wanted.status is not None:
            conditions.append(STATUS[wanted.status])
        if wanted.login is not None and wanted.server is not None:
            conditions.append(DECISION.user_mt5_account_id == _account_id(wanted.login, wanted.server))
        return await self._rows(DECISIONS.where(*conditions).order_by(DECISION.id.desc()).limit(limit))

    async def reply(self, request_id: UUID) -> bytes | None:
        """The reply that a request got, byte for byte; None where none is remembered."""
        query = select(decisions.c.reply).where(decisions.c.request_id == request_id)
        async with transaction(self._engine) as connection:
            reply: bytes | None = (await connection.execute(query)).scalar_one_or_none()
        return reply

    async def _rows(self, query: Select[Any]) -> Sequence[Found]:
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [Found(row["id"], {name: row[name] for name in row if name != "id"}) for row in rows]


def _conditions(*given: tuple[ColumnElement[Any], Compare, object]) -> list[ColumnElement[bool]]:
    """Only what was asked for: a plan for `x IS NULL OR …` would use no index."""
    return [compare(column, value) for column, compare, value in given if value is not None]


def _account_page(conditions: Sequence[ColumnElement[bool]], *, limit: int) -> Select[Any]:
    # The page is cut first: a join of both whole tables would read the details of every account before it.
    page = select(user_mt5_accounts).where(*conditions).order_by(ACCOUNT.id).limit(limit).subquery()
    account, details = page.c, user_mt5_account_details.c
    return (
        select(
            account.id,
            account.mt5_account_id.label("login"),
            account.mt5_server.label("server"),
            account.user_id,
            account.broker_name.label("broker"),
            account.account_currency.label("currency"),
            details.currency_digits,
            account.account_leverage.label("leverage"),
            account.is_demo,
            details.margin_mode,
            details.trade_allowed,
            account.balance,
            account.equity,
            account.margin_used,
            account.margin_free,
            func.trim_scale(func.round(account.margin_level_percent, 2)).label("margin_level_percent"),
            account.open_positions_count,
            account.total_positions_volume,
            account.sync_status,
            account.last_synced_at.label("captured_at"),
            func.round(extract("epoch", func.clock_timestamp() - account.last_synced_at), 3).label("age_seconds"),
            details.arrived_at,
            account.created_at,
            account.updated_at,
        )
        .join_from(page, user_mt5_account_details, details.user_mt5_account_id == account.id)
        .order_by(account.id)
    )


def _account_id(login: int, server: str) -> ColumnElement[int]:
    return select(ACCOUNT.id).where(ACCOUNT.mt5_server == server, ACCOUNT.mt5_account_id == login).scalar_subquery()
