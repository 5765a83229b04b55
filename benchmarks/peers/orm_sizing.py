"""The peer that does the same job in the ordinary way: FastStream, SQLAlchemy's ORM, one transaction a message.

The same engine decides, and the same tables are written. What it leaves out is what the ordinary way leaves out:
outcomes of setups, repeated requests, the confirmation of a reply.

`python -m benchmarks.peers.orm_sizing QUEUE`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import uvloop
from faststream import FastStream
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from benchmarks.peers.orm_tables import (
    AccountRow,
    DecisionRow,
    DetailsRow,
    RecordRow,
    ReservationRow,
    RiskLogRow,
    SpecRow,
    VersionRow,
)
from benchmarks.peers.settings import POOL_SIZE, amqp_url, database_url, prefetch, queue_name, say_ready
from services.sizing_worker.audit import fresh
from services.sizing_worker.store import LOG_ROWS
from shared.database import tables
from shared.database.engine import asyncpg_url
from shared.schemas.instrument import InstrumentSpec
from shared.schemas.sizing import SizingRequest
from shared.sizing.account import Account, Candidate, PublishedSpec
from shared.sizing.configuration import Configuration, Rules
from shared.sizing.content import content_hash
from shared.sizing.decision import ENGINE_VERSION, decide
from shared.sizing.record import encode_record
from shared.sizing.situation import Situation

RULES = Rules(freshness_s=86_400)


async def size(session: AsyncSession, request: SizingRequest) -> bytes:
    """Decide one request and write it down, as the service does."""
    account_row, details = (
        await session.execute(
            select(AccountRow, DetailsRow)
            .join(DetailsRow, tables.user_mt5_account_details.c.user_mt5_account_id == AccountRow.id)
            .where(AccountRow.user_id == request.user_id)
            .with_for_update(of=AccountRow)
        )
    ).one()
    spec_row = (
        await session.execute(
            select(SpecRow).where(
                SpecRow.mt5_server == account_row.mt5_server,
                SpecRow.mt5_account_id == account_row.mt5_account_id,
                SpecRow.instrument == request.instrument,
            )
        )
    ).scalar_one()
    held = (
        await session.execute(
            select(func.sum(ReservationRow.margin)).where(
                ReservationRow.user_mt5_account_id == account_row.id, ReservationRow.expires_at > func.now()
            )
        )
    ).scalar() or Decimal(0)
    version = (
        await session.execute(select(VersionRow).order_by(VersionRow.config_version.desc()).limit(1))
    ).scalar_one()
    situation = _situation(account_row, details, spec_row, version, held)
    decision = decide(request, situation)
    now = situation.decided_at
    record = encode_record(request, situation, b"", decision)
    row = fresh(
        request,
        situation,
        decision,
        content_hash=content_hash(request),
        record=record,
        reservations_of=None,
    )
    session.add(DecisionRow(request_id=row.request_id, content_hash=row.content_hash, reply=row.reply, decided_at=now))
    session.add(
        RecordRow(
            request_id=row.request_id,
            user_mt5_account_id=row.user_mt5_account_id,
            engine_version=ENGINE_VERSION,
            record=row.record,
            decided_at=now,
        )
    )
    session.add(RiskLogRow(**{name: getattr(row, name) for name in LOG_ROWS.types}))
    if row.reserved_until is not None:
        session.add(
            ReservationRow(
                request_id=row.request_id,
                user_mt5_account_id=row.user_mt5_account_id,
                margin=row.total_margin_required,
                decided_at=now,
                expires_at=row.reserved_until,
            )
        )
    return row.reply


def _situation(account: Any, details: Any, spec: Any, version: Any, held: Decimal) -> Situation:
    return Situation(
        decided_at=datetime.now(UTC),
        expires_at=None,
        configuration=Configuration(
            version=version.config_version,
            risk_percent=version.fixed_risk_percent,
            entry_splits=(version.entry_1_percent, version.entry_2_percent, version.entry_3_percent),
            margin_buffer_percent=version.margin_buffer_percent,
        ),
        rules=RULES,
        candidates=(
            Candidate(
                Account(
                    id=account.id,
                    user_id=account.user_id,
                    login=account.mt5_account_id,
                    server=account.mt5_server,
                    currency=account.account_currency,
                    currency_digits=details.currency_digits,
                    leverage=account.account_leverage,
                    balance=account.balance,
                    equity=account.equity,
                    margin_free=account.margin_free,
                    margin_mode=details.margin_mode,
                    trade_allowed=details.trade_allowed,
                    captured_at=account.last_synced_at,
                ),
                has_specs=True,
                spec=PublishedSpec(
                    InstrumentSpec.model_validate(spec.spec),
                    spec.account_currency,
                    spec.account_leverage,
                    spec.captured_at,
                ),
                margin_reserved=held,
            ),
        ),
    )


async def main() -> None:
    """Serve until killed."""
    engine = create_async_engine(asyncpg_url(database_url()), pool_size=POOL_SIZE, max_overflow=0)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    broker = RabbitBroker(amqp_url(), default_channel=Channel(prefetch_count=prefetch()), logger=None)

    @broker.subscriber(RabbitQueue(queue_name(), queue_type=QueueType.QUORUM, durable=True))
    async def handle(request: SizingRequest) -> bytes:
        async with sessions.begin() as session:
            return await size(session, request)

    app = FastStream(broker, logger=None)
    app.after_startup(say_ready)
    await app.run()


if __name__ == "__main__":
    uvloop.run(main())
