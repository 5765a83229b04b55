"""The SQL of the sizing worker."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database.rows import as_rows, insert_rows, rows_of
from shared.database.tables import (
    decision_records,
    decisions,
    margin_reservations,
    sizing_outcomes,
    trade_setup_risk_logs,
)
from shared.schemas.instrument import InstrumentSpec
from shared.schemas.sizing import SizingOutcome, SizingRequest
from shared.schemas.values import parse_time
from shared.sizing.account import Account, PublishedSpec
from shared.sizing.configuration import Configuration
from shared.sizing.decision import ENGINE_VERSION

CONFIGURATION = text("""
    SELECT config_version, fixed_risk_percent, entry_1_percent, entry_2_percent, entry_3_percent, margin_buffer_percent
    FROM risk_configuration_history ORDER BY config_version DESC LIMIT 1
""")

ACCOUNT_IDS = text("SELECT id FROM user_mt5_accounts WHERE user_id = ANY(CAST(:users AS text[])) ORDER BY id")

# Advisory locks by account id, always in the order of ids: no deadlock with another worker, and none with the
# snapshots, which lock rows. They end with the transaction.
LOCK = text("""
    SELECT count(pg_advisory_xact_lock(id)) FROM (SELECT unnest(CAST(:ids AS bigint[])) AS id ORDER BY 1) AS ordered
""")

# One statement, so that an account's figures and the reservations against them are of one moment: a snapshot applied in
# between would count an order twice, or not at all. A reservation is live until a snapshot is applied that was captured
# after its release: `known_at` is that capture time, believed no later than its arrival. Released at once by an outcome
# `cancelled` or `failed`; else when it was `executed`; else when it expires. The first branch of `reservation` finds
# what has not expired, the second what was executed so late that it has.
SITUATION = text("""
    WITH account AS (
        SELECT account.id, account.user_id, account.mt5_account_id AS login, account.mt5_server AS server,
               account.account_currency AS currency, details.currency_digits, account.account_leverage AS leverage,
               account.balance, account.equity, account.margin_free, details.margin_mode, details.trade_allowed,
               account.last_synced_at AS captured_at, LEAST(account.last_synced_at, details.arrived_at) AS known_at
        FROM user_mt5_accounts AS account
        JOIN user_mt5_account_details AS details ON details.user_mt5_account_id = account.id
        WHERE account.id = ANY(CAST(:ids AS bigint[]))
    ), reservation AS (
        SELECT held.*, account.known_at
        FROM account JOIN margin_reservations AS held ON held.user_mt5_account_id = account.id
        WHERE held.expires_at >= account.known_at
        UNION
        SELECT held.*, account.known_at
        FROM account
        JOIN sizing_outcomes AS late ON late.user_mt5_account_id = account.id AND late.arrived_at >= account.known_at
        JOIN margin_reservations AS held ON held.request_id = late.request_id
        WHERE late.outcome = 'executed'
    ), live AS (
        SELECT reservation.user_mt5_account_id, reservation.request_id, reservation.margin
        FROM reservation, LATERAL (
            SELECT count(*) AS reported,
                   max(GREATEST(LEAST(outcome.occurred_at, outcome.arrived_at), reservation.decided_at))
                       FILTER (WHERE outcome.outcome = 'executed') AS executed_at
            FROM sizing_outcomes AS outcome WHERE outcome.request_id = reservation.request_id
        ) AS fate
        WHERE CASE WHEN fate.executed_at IS NOT NULL THEN reservation.known_at <= fate.executed_at
                   ELSE fate.reported = 0 AND reservation.known_at <= reservation.expires_at END
    )
    SELECT head.version, head.now, account.*,
           (SELECT json_agg(json_build_array(live.request_id, live.margin::text) ORDER BY live.request_id)
            FROM live WHERE live.user_mt5_account_id = account.id) AS reservations,
           EXISTS (SELECT FROM mt5_instruments AS spec
                   WHERE spec.mt5_server = account.server AND spec.mt5_account_id = account.login
                     AND spec.user_id = account.user_id) AS has_specs,
           (SELECT json_agg(json_build_array(spec.spec, spec.account_currency, spec.account_leverage, spec.captured_at))
            FROM mt5_instruments AS spec
            WHERE spec.mt5_server = account.server AND spec.mt5_account_id = account.login
              AND spec.user_id = account.user_id AND spec.instrument = ANY(CAST(:instruments AS text[]))) AS specs
    FROM (SELECT max(config_version) AS version, clock_timestamp() AS now FROM risk_configuration_history) AS head
    LEFT JOIN account ON true
    ORDER BY account.id
""")

DECIDED = text("""
    SELECT request_id, content_hash, reply FROM decisions WHERE request_id = ANY(CAST(:ids AS uuid[]))
""")

SAVE_DECISIONS = insert_rows(
    decisions,
    ("request_id", "content_hash", "reply", "decided_at"),
    # In one order, so that two workers with the same requests never wait for each other.
    then="ORDER BY request_id ON CONFLICT (request_id) DO NOTHING",
)

SAVE_RESERVATIONS = insert_rows(
    margin_reservations, ("request_id", "user_mt5_account_id", "margin", "decided_at", "expires_at")
)

SAVE_RECORDS = insert_rows(
    decision_records, ("request_id", "user_mt5_account_id", "engine_version", "record", "decided_at")
)

# An outcome names its account where the reservation is there already, so that a late one is found by account.
SAVE_OUTCOMES = text(f"""
    INSERT INTO sizing_outcomes (request_id, outcome, occurred_at, arrived_at, user_mt5_account_id)
    SELECT row.request_id, row.outcome, row.occurred_at, row.arrived_at, held.user_mt5_account_id
    FROM {rows_of(sizing_outcomes)} LEFT JOIN margin_reservations AS held USING (request_id)
    ORDER BY row.request_id, row.outcome
    ON CONFLICT DO NOTHING
""")  # noqa: S608  our own table's name


@dataclass(frozen=True, slots=True)
class Decided:
    """What is remembered of a decided request: the hash of its content, and the reply, byte for byte."""

    content_hash: bytes
    reply: bytes


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account, whether it has published any spec, its specs by instrument, and what it has reserved by request."""

    account: Account
    has_specs: bool
    specs: dict[str, PublishedSpec]
    reservations: dict[UUID, Decimal]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read under the locks, of one moment."""

    version: int
    now: datetime
    accounts: tuple[KnownAccount, ...]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """One row of margin_reservations: what an approval holds, in account currency."""

    request_id: UUID
    user_mt5_account_id: int
    margin: Decimal
    decided_at: datetime
    expires_at: datetime


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


async def lock_accounts(connection: AsyncConnection, users: Iterable[str]) -> list[int]:
    """Lock every account of `users` for this transaction; their ids.

    What follows must read in statements of its own: only those see what the last holder committed.
    """
    ids = list((await connection.execute(ACCOUNT_IDS, {"users": sorted(set(users))})).scalars())
    if ids:
        await connection.execute(LOCK, {"ids": ids})
    return ids


async def load_situation(connection: AsyncConnection, ids: Sequence[int], instruments: Iterable[str]) -> Loaded:
    """The configuration version in force, the database's clock, and the accounts with all that is known of them."""
    parameters = {"ids": ids, "instruments": sorted(set(instruments))}
    rows = (await connection.execute(SITUATION, parameters)).all()
    return Loaded(rows[0].version, rows[0].now, tuple(_known(row) for row in rows if row.id is not None))


async def load_decided(connection: AsyncConnection, request_ids: Iterable[UUID]) -> dict[UUID, Decided]:
    """Those of `request_ids` that were decided before."""
    rows = (await connection.execute(DECIDED, {"ids": list(request_ids)})).all()
    return {row.request_id: Decided(row.content_hash, row.reply) for row in rows}


@dataclass(frozen=True, slots=True)
class Fresh:
    """A decision just made, with all that is written of it. `reservation` is None unless it is approved."""

    decided: Decided
    risk_log: RiskLog
    reservation: Reservation | None
    record: bytes


async def save_decisions(connection: AsyncConnection, fresh: dict[UUID, Fresh], *, now: datetime) -> bool:
    """Remember `fresh`, with audit rows, records and reservations. False where another worker decided one meanwhile."""
    if not fresh:
        return True
    decided = [
        {
            "request_id": request_id,
            "content_hash": one.decided.content_hash,
            "reply": one.decided.reply,
            "decided_at": now,
        }
        for request_id, one in fresh.items()
    ]
    saved = (await connection.execute(SAVE_DECISIONS, {"rows": as_rows(decided)})).rowcount
    if saved < len(fresh):
        return False
    await connection.execute(SAVE_RISK_LOGS, {"rows": as_rows([_columns(one.risk_log) for one in fresh.values()])})
    records = [
        {
            "request_id": request_id,
            "user_mt5_account_id": one.risk_log.user_mt5_account_id,
            "engine_version": ENGINE_VERSION,
            "record": one.record,
            "decided_at": now,
        }
        for request_id, one in fresh.items()
    ]
    await connection.execute(SAVE_RECORDS, {"rows": as_rows(records)})
    reservations = [_columns(one.reservation) for one in fresh.values() if one.reservation]
    if reservations:
        await connection.execute(SAVE_RESERVATIONS, {"rows": as_rows(reservations)})
    return True


async def save_outcomes(connection: AsyncConnection, outcomes: Sequence[SizingOutcome], *, now: datetime) -> None:
    """Remember what became of setups; the same outcome again changes nothing."""
    if outcomes:
        rows = [{**outcome.model_dump(), "arrived_at": now} for outcome in outcomes]
        await connection.execute(SAVE_OUTCOMES, {"rows": as_rows(rows)})


def users_of(requests: Iterable[SizingRequest]) -> set[str]:
    """The users whose accounts may be meant."""
    return {request.user_id for request in requests}


def _columns(entry: RiskLog | Reservation) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in type(entry).__slots__}


def _known(row: Row[Any]) -> KnownAccount:
    account = Account(*(getattr(row, name) for name in Account.__slots__))
    specs = (_published(*parts) for parts in _document(row.specs) or ())
    reservations = {UUID(request_id): Decimal(margin) for request_id, margin in _document(row.reservations) or ()}
    return KnownAccount(account, row.has_specs, {spec.spec.instrument: spec for spec in specs}, reservations)


def _published(spec: dict[str, Any], currency: str, leverage: int, captured_at: str) -> PublishedSpec:
    return PublishedSpec(InstrumentSpec.model_validate(spec), currency, leverage, parse_time(captured_at))


def _document(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
