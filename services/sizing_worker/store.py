"""The SQL of the sizing worker."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database.rows import as_rows, insert_rows
from shared.database.tables import decisions, sizing_outcomes, trade_setup_risk_logs
from shared.schemas.instrument import InstrumentSpec
from shared.schemas.sizing import SizingOutcome, SizingRequest
from shared.sizing.account import Account, PublishedSpec
from shared.sizing.configuration import Configuration

CONFIGURATION = text("""
    SELECT config_version, fixed_risk_percent, entry_1_percent, entry_2_percent, entry_3_percent, margin_buffer_percent
    FROM risk_configuration_history ORDER BY config_version DESC LIMIT 1
""")

VERSION = text("SELECT max(config_version), clock_timestamp() FROM risk_configuration_history")

ACCOUNT_IDS = text("SELECT id FROM user_mt5_accounts WHERE user_id = ANY(CAST(:users AS text[])) ORDER BY id")

# Advisory locks by account id, always in the order of ids: no deadlock with another worker, and none with the
# snapshots, which lock rows. They end with the transaction.
LOCK = text("""
    SELECT count(pg_advisory_xact_lock(id)) FROM (SELECT unnest(CAST(:ids AS bigint[])) AS id ORDER BY 1) AS ordered
""")

ACCOUNTS = text("""
    SELECT account.id, account.user_id, account.mt5_account_id AS login, account.mt5_server AS server,
           account.account_currency AS currency, details.currency_digits, account.account_leverage AS leverage,
           account.balance, account.equity, account.margin_free, details.margin_mode, details.trade_allowed,
           account.last_synced_at AS captured_at,
           EXISTS (SELECT FROM mt5_instruments AS spec
                   WHERE spec.mt5_server = account.mt5_server AND spec.mt5_account_id = account.mt5_account_id
                     AND spec.user_id = account.user_id) AS has_specs
    FROM user_mt5_accounts AS account
    JOIN user_mt5_account_details AS details ON details.user_mt5_account_id = account.id
    WHERE account.id = ANY(CAST(:ids AS bigint[]))
    ORDER BY account.id
""")

SPECS = text("""
    SELECT account.id, spec.instrument, spec.spec, spec.account_currency, spec.account_leverage, spec.captured_at
    FROM user_mt5_accounts AS account
    JOIN mt5_instruments AS spec
      ON spec.mt5_server = account.mt5_server AND spec.mt5_account_id = account.mt5_account_id
     AND spec.user_id = account.user_id
    WHERE account.id = ANY(CAST(:ids AS bigint[])) AND spec.instrument = ANY(CAST(:instruments AS text[]))
""")

DECIDED = text("""
    SELECT request_id, content_hash, reply FROM decisions WHERE request_id = ANY(CAST(:ids AS uuid[]))
""")

SAVE_DECISIONS = insert_rows(
    decisions,
    ("request_id", "content_hash", "reply", "decided_at"),
    # In one order, so that two workers with the same requests never wait for each other.
    then="ORDER BY request_id ON CONFLICT (request_id) DO NOTHING RETURNING request_id",
)

SAVE_OUTCOMES = insert_rows(
    sizing_outcomes,
    ("request_id", "outcome", "occurred_at", "arrived_at"),
    then="ORDER BY request_id, outcome ON CONFLICT DO NOTHING",
)


@dataclass(frozen=True, slots=True)
class Decided:
    """What is remembered of a decided request: the hash of its content, and the reply, byte for byte."""

    content_hash: bytes
    reply: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLog:
    """One row of trade_setup_risk_logs: the audit of one decision. Lots, account currency, percent."""

    request_id: UUID
    user_id: str
    user_mt5_account_id: int | None
    setup_id: str
    instrument: str
    side: str
    account_balance: Decimal | None
    account_equity: Decimal | None
    margin_available: Decimal | None
    account_leverage: int | None
    global_risk_percent: Decimal
    config_version: int
    allocated_risk_amount: Decimal | None
    entry_1_volume: Decimal | None
    entry_2_volume: Decimal | None
    entry_3_volume: Decimal | None
    total_stop_loss_amount: Decimal | None
    total_margin_required: Decimal | None
    setup_approved: bool
    rejection_reason: str | None
    created_at: datetime


SAVE_RISK_LOGS = insert_rows(trade_setup_risk_logs, RiskLog.__slots__)


async def load_configuration(connection: AsyncConnection) -> Configuration:
    """The configuration in force, whole, in one statement."""
    row = (await connection.execute(CONFIGURATION)).one()
    return Configuration(
        version=row.config_version,
        risk_percent=row.fixed_risk_percent,
        entry_splits=(row.entry_1_percent, row.entry_2_percent, row.entry_3_percent),
        margin_buffer_percent=row.margin_buffer_percent,
    )


async def version_and_clock(connection: AsyncConnection) -> tuple[int, datetime]:
    """The configuration version in force, and the database's clock at that moment."""
    version, now = (await connection.execute(VERSION)).one()
    return version, now


async def lock_accounts(connection: AsyncConnection, users: Iterable[str]) -> list[int]:
    """Lock every account of `users` for this transaction; their ids.

    What follows must read in statements of its own: only those see what the last holder committed.
    """
    ids = list((await connection.execute(ACCOUNT_IDS, {"users": sorted(set(users))})).scalars())
    if ids:
        await connection.execute(LOCK, {"ids": ids})
    return ids


async def load_accounts(connection: AsyncConnection, ids: Sequence[int]) -> list[tuple[Account, bool]]:
    """The accounts, each with whether it has published any spec."""
    if not ids:
        return []
    rows = (await connection.execute(ACCOUNTS, {"ids": ids})).all()
    return [(Account(*row[:-1]), row.has_specs) for row in rows]


async def load_specs(
    connection: AsyncConnection, ids: Sequence[int], instruments: Iterable[str]
) -> dict[tuple[int, str], PublishedSpec]:
    """The published specs of these accounts for these instruments, by account id and instrument."""
    if not ids:
        return {}
    rows = (await connection.execute(SPECS, {"ids": ids, "instruments": sorted(set(instruments))})).all()
    return {
        (row.id, row.instrument): PublishedSpec(
            spec=InstrumentSpec.model_validate(_document(row.spec)),
            currency=row.account_currency,
            leverage=row.account_leverage,
            captured_at=row.captured_at,
        )
        for row in rows
    }


async def load_decided(connection: AsyncConnection, request_ids: Iterable[UUID]) -> dict[UUID, Decided]:
    """Those of `request_ids` that were decided before."""
    rows = (await connection.execute(DECIDED, {"ids": list(request_ids)})).all()
    return {row.request_id: Decided(row.content_hash, row.reply) for row in rows}


async def save_decisions(
    connection: AsyncConnection, fresh: dict[UUID, Decided], risk_logs: Sequence[RiskLog], *, now: datetime
) -> set[UUID]:
    """Remember `fresh` and write their audit rows; those that another worker decided meanwhile are returned,
    unwritten."""
    if not fresh:
        return set()
    rows = [
        {"request_id": request_id, "content_hash": decided.content_hash, "reply": decided.reply, "decided_at": now}
        for request_id, decided in fresh.items()
    ]
    saved = set((await connection.execute(SAVE_DECISIONS, {"rows": as_rows(rows)})).scalars())
    audit = [
        {name: getattr(entry, name) for name in RiskLog.__slots__} for entry in risk_logs if entry.request_id in saved
    ]
    await connection.execute(SAVE_RISK_LOGS, {"rows": as_rows(audit)})
    return set(fresh) - saved


async def save_outcomes(connection: AsyncConnection, outcomes: Sequence[SizingOutcome], *, now: datetime) -> None:
    """Remember what became of setups; the same outcome again changes nothing."""
    if outcomes:
        rows = [{**outcome.model_dump(), "arrived_at": now} for outcome in outcomes]
        await connection.execute(SAVE_OUTCOMES, {"rows": as_rows(rows)})


def users_of(requests: Iterable[SizingRequest]) -> set[str]:
    """The users whose accounts may be meant."""
    return {request.user_id for request in requests}


def _document(spec: Any) -> Any:
    return json.loads(spec) if isinstance(spec, str) else spec
