"""The SQL of the sizing worker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from asyncpg import Connection, Record

from shared.database.rows import Rows
from shared.database.statement import Statement
from shared.database.tables import sizing_outcomes, trade_setup_risk_logs
from shared.schemas.instrument import InstrumentSpec
from shared.schemas.sizing import SizingOutcome, SizingRequest
from shared.sizing.account import Account, PublishedSpec
from shared.sizing.configuration import Configuration
from shared.sizing.decision import ENGINE_VERSION

SPECS_KEPT = 1024

CONFIGURATION = Statement.of("""
    SELECT config_version, fixed_risk_percent, entry_1_percent, entry_2_percent, entry_3_percent, margin_buffer_percent
    FROM risk_configuration_history ORDER BY config_version DESC LIMIT 1
""")

# Advisory locks by account id, always in the order of ids: no deadlock with another worker, and none with the
# snapshots, which lock rows. They end with the transaction.
LOCK = Statement.of("""
    SELECT id, pg_advisory_xact_lock(id)
    FROM (SELECT id FROM user_mt5_accounts WHERE user_id = ANY(CAST(:users AS text[])) ORDER BY id) AS ordered
""")

# One statement, so that an account's figures and the reservations against them are of one moment: a snapshot applied in
# between would count an order twice, or not at all. A reservation is live until a snapshot is applied that was captured
# after its release: `known_at` is that capture time, believed no later than its arrival. Released at once by an outcome
# `cancelled` or `failed`; else when it was `executed`; else when it expires. The first branch of `held` finds what has
# not expired, the second what was executed so late that it has. `listed` is `shared.sizing.record`'s form of them.
# `repeated` is asked one id at a time: a plan made while `decisions` was empty would else read the whole table.
SITUATION = Statement.of("""
    WITH account AS MATERIALIZED (
        SELECT account.id, account.user_id, account.mt5_account_id AS login, account.mt5_server AS server,
               account.account_currency AS currency, details.currency_digits, account.account_leverage AS leverage,
               account.balance, account.equity, account.margin_free, details.margin_mode, details.trade_allowed,
               account.last_synced_at AS captured_at, LEAST(account.last_synced_at, details.arrived_at) AS known_at
        FROM user_mt5_accounts AS account
        JOIN user_mt5_account_details AS details ON details.user_mt5_account_id = account.id
        WHERE account.id = ANY(CAST(:ids AS bigint[]))
    ), held AS MATERIALIZED (
        SELECT reservation.*, account.known_at
        FROM account JOIN margin_reservations AS reservation ON reservation.user_mt5_account_id = account.id
        WHERE reservation.expires_at >= account.known_at
        UNION ALL
        SELECT reservation.*, late.known_at
        FROM (
            SELECT DISTINCT outcome.request_id, account.known_at
            FROM account JOIN sizing_outcomes AS outcome ON outcome.user_mt5_account_id = account.id
            WHERE outcome.arrived_at >= account.known_at AND outcome.outcome = 'executed'
        ) AS late JOIN margin_reservations AS reservation USING (request_id)
        WHERE reservation.expires_at < late.known_at
    ), fate AS (
        SELECT request_id,
               max(LEAST(outcome.occurred_at, outcome.arrived_at)) FILTER (WHERE outcome.outcome = 'executed')
                   AS executed_at
        FROM held JOIN sizing_outcomes AS outcome USING (request_id) GROUP BY request_id
    ), reserved AS (
        SELECT held.user_mt5_account_id, sum(held.margin) AS margin,
               string_agg(uuid_send(held.request_id) || convert_to(held.margin || ';', 'UTF8'), '') AS listed
        FROM held LEFT JOIN fate USING (request_id)
        WHERE CASE WHEN fate.executed_at IS NOT NULL
                   THEN held.known_at <= GREATEST(fate.executed_at, held.decided_at)
                   ELSE fate.request_id IS NULL AND held.known_at <= held.expires_at END
        GROUP BY held.user_mt5_account_id
    )
    SELECT head.version, head.now, head.repeated, account.*, reserved.margin AS margin_reserved, reserved.listed,
           published.has_specs, wanted.instrument, wanted.spec, wanted.account_currency AS spec_currency,
           wanted.account_leverage AS spec_leverage, wanted.captured_at AS spec_captured_at
    FROM (
        SELECT (SELECT max(config_version) FROM risk_configuration_history) AS version, clock_timestamp() AS now,
               EXISTS (
                   SELECT FROM unnest(CAST(:requests AS uuid[])) AS asked (request_id)
                   CROSS JOIN LATERAL (SELECT FROM decisions WHERE request_id = asked.request_id LIMIT 1) AS earlier
               ) AS repeated
    ) AS head
    LEFT JOIN account ON true
    LEFT JOIN reserved ON reserved.user_mt5_account_id = account.id
    LEFT JOIN LATERAL (
        SELECT true AS has_specs FROM mt5_instruments AS spec
        WHERE spec.mt5_server = account.server AND spec.mt5_account_id = account.login
          AND spec.user_id = account.user_id LIMIT 1
    ) AS published ON true
    LEFT JOIN LATERAL (
        SELECT spec.instrument, spec.spec::text, spec.account_currency, spec.account_leverage, spec.captured_at
        FROM unnest(CAST(:users AS text[]), CAST(:instruments AS text[])) AS asked (user_id, instrument)
        JOIN mt5_instruments AS spec ON spec.mt5_server = account.server AND spec.mt5_account_id = account.login
          AND spec.instrument = asked.instrument AND spec.user_id = account.user_id
        WHERE asked.user_id = account.user_id
    ) AS wanted ON true
    ORDER BY account.id
""")

DECIDED = Statement.of("""
    SELECT request_id, content_hash, reply FROM decisions WHERE request_id = ANY(CAST(:requests AS uuid[]))
""")

OUTCOME_ROWS = Rows.of(sizing_outcomes, ("request_id", "outcome", "occurred_at"))

# An outcome names its account where the reservation is there already, so that a late one is found by account.
SAVE_OUTCOMES = Statement.of(f"""
    INSERT INTO sizing_outcomes (request_id, outcome, occurred_at, arrived_at, user_mt5_account_id)
    SELECT row.request_id, row.outcome, row.occurred_at, CAST(:arrived_at AS timestamptz), held.user_mt5_account_id
    FROM {OUTCOME_ROWS.source} LEFT JOIN margin_reservations AS held USING (request_id)
    ORDER BY row.request_id, row.outcome
    ON CONFLICT DO NOTHING
""")  # noqa: S608  our own column names


class Fresh(NamedTuple):
    """All that is written of a decision just made. Lots, account currency, percent; figures as the reply has them.

    The audit row of trade_setup_risk_logs; then what is remembered (the hash of the request's content, and the reply,
    byte for byte), the proof, the request whose record lists the reservations that this one saw too, and until when the
    total margin is reserved: None unless it is.
    """

    request_id: UUID
    user_id: str
    user_mt5_account_id: int | None
    setup_id: str
    instrument: str
    side: str
    account_balance: Decimal | None
    account_equity: Decimal | None
    margin_available: str | None
    account_leverage: int | None
    global_risk_percent: str
    config_version: int
    allocated_risk_amount: str | None
    entry_1_volume: str | None
    entry_2_volume: str | None
    entry_3_volume: str | None
    total_stop_loss_amount: str | None
    total_margin_required: str | None
    setup_approved: bool
    rejection_reason: str | None
    created_at: datetime
    content_hash: bytes
    reply: bytes
    record: bytes
    reservations_of: UUID | None
    reserved_until: datetime | None


LOG_ROWS = Rows.of(trade_setup_risk_logs, Fresh._fields[: Fresh._fields.index("content_hash")])
FRESH_ROWS = Rows(
    {
        **LOG_ROWS.types,
        "content_hash": "BYTEA",
        "reply": "BYTEA",
        "record": "BYTEA",
        "reservations_of": "UUID",
        "reserved_until": "TIMESTAMPTZ",
    }
)

# The memory of requests goes first, in one order, so that two workers with the same requests never wait for each other.
# Where another worker was first with one of them, the count is short and the caller gives the transaction up.
SAVE = Statement.of(f"""
    WITH row AS MATERIALIZED (SELECT * FROM {FRESH_ROWS.source}),
    decided AS (
        INSERT INTO decisions (request_id, content_hash, reply, decided_at)
        SELECT request_id, content_hash, reply, created_at FROM row ORDER BY request_id
        ON CONFLICT DO NOTHING RETURNING request_id
    ), recorded AS (
        INSERT INTO decision_records
            (request_id, user_mt5_account_id, engine_version, record, decided_at, reservations_of)
        SELECT request_id, user_mt5_account_id, {ENGINE_VERSION}, record, created_at, reservations_of FROM row
        ON CONFLICT DO NOTHING
    ), logged AS (
        INSERT INTO trade_setup_risk_logs ({LOG_ROWS.names}) SELECT {LOG_ROWS.names} FROM row
    ), reserved AS (
        INSERT INTO margin_reservations (request_id, user_mt5_account_id, margin, decided_at, expires_at)
        SELECT request_id, user_mt5_account_id, total_margin_required, created_at, reserved_until
        FROM row WHERE reserved_until IS NOT NULL
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM decided
""")  # noqa: S608  our own column names


class Decided(NamedTuple):
    """What is remembered of a decided request: the hash of its content, and the reply, byte for byte."""

    content_hash: bytes
    reply: bytes


class Reserved(NamedTuple):
    """What an account's live reservations hold, in account currency; and each of them, as a record lists it: but for
    those that the record of the request `first` lists already."""

    margin: Decimal
    listed: bytes
    first: UUID | None = None


NOTHING_RESERVED = Reserved(Decimal(0), b"")


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account, whether it has published any spec, its specs by instrument, and what it has reserved."""

    account: Account
    has_specs: bool
    specs: dict[str, PublishedSpec]
    reserved: Reserved


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read under the locks, of one moment. `repeated`: some of the requests were decided before."""

    version: int
    now: datetime
    repeated: bool
    accounts: tuple[KnownAccount, ...]


async def load_configuration(connection: Connection) -> Configuration:
    """The configuration in force, whole, in one statement."""
    (row,) = await CONFIGURATION.fetch(connection)
    return Configuration(
        version=row["config_version"],
        risk_percent=row["fixed_risk_percent"],
        entry_splits=(row["entry_1_percent"], row["entry_2_percent"], row["entry_3_percent"]),
        margin_buffer_percent=row["margin_buffer_percent"],
    )


async def lock_accounts(connection: Connection, users: Iterable[str]) -> list[int]:
    """Lock every account of `users` for this transaction; their ids.

    What follows must read in statements of its own: only those see what the last holder committed.
    """
    return [row["id"] for row in await LOCK.fetch(connection, {"users": sorted(set(users))})]


async def load_situation(connection: Connection, ids: Sequence[int], requests: Sequence[SizingRequest]) -> Loaded:
    """The configuration version in force, the database's clock, the accounts `ids` with all that is known of them."""
    asked = sorted({(request.user_id, request.instrument) for request in requests})
    parameters = {
        "ids": ids,
        "requests": [request.request_id for request in requests],
        "users": [user_id for user_id, _ in asked],
        "instruments": [instrument for _, instrument in asked],
    }
    rows = await SITUATION.fetch(connection, parameters)
    return Loaded(rows[0]["version"], rows[0]["now"], rows[0]["repeated"], _known(rows))


async def load_decided(connection: Connection, requests: Iterable[SizingRequest]) -> dict[UUID, Decided]:
    """Those of `requests` that were decided before."""
    rows = await DECIDED.fetch(connection, {"requests": [request.request_id for request in requests]})
    return {row["request_id"]: Decided(row["content_hash"], row["reply"]) for row in rows}


async def save_decisions(connection: Connection, fresh: Iterable[Fresh]) -> bool:
    """Remember `fresh`, with audit rows, records and reservations. False where another worker decided one meanwhile."""
    rows = list(fresh)
    if not rows:
        return True
    ((saved,),) = await SAVE.fetch(connection, FRESH_ROWS.parameters(rows))
    return bool(saved == len(rows))


async def save_outcomes(connection: Connection, outcomes: Sequence[SizingOutcome], *, now: datetime) -> None:
    """Remember what became of setups; the same outcome again changes nothing."""
    if outcomes:
        rows = [(outcome.request_id, outcome.outcome, outcome.occurred_at) for outcome in outcomes]
        await SAVE_OUTCOMES.execute(connection, OUTCOME_ROWS.parameters(rows) | {"arrived_at": now})


def users_of(requests: Iterable[SizingRequest]) -> set[str]:
    """The users whose accounts may be meant."""
    return {request.user_id for request in requests}


def _known(rows: Sequence[Record]) -> tuple[KnownAccount, ...]:
    """One for each account: it has a row for each of its specs that was asked for, or one without any."""
    known: dict[int, KnownAccount] = {}
    for row in rows:
        number = row["id"]
        if number is None:
            continue
        if number not in known:
            account = Account(*(row[name] for name in Account.__slots__))
            listed = row["listed"]
            reserved = NOTHING_RESERVED if listed is None else Reserved(row["margin_reserved"], listed)
            known[number] = KnownAccount(account, bool(row["has_specs"]), {}, reserved)
        if row["spec"] is not None:
            known[number].specs[row["instrument"]] = PublishedSpec(
                _spec(row["spec"]), row["spec_currency"], row["spec_leverage"], row["spec_captured_at"]
            )
    return tuple(known.values())


@lru_cache(maxsize=SPECS_KEPT)
def _spec(document: str) -> InstrumentSpec:
    """A stored spec. The accounts of one broker in one currency mostly have the same, to the letter."""
    return InstrumentSpec.model_validate_json(document)
