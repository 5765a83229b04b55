"""The ordinary way to keep accounts true: FastStream, SQLAlchemy's ORM, one transaction a message.

The same schema reads, the same rule judges, and the same tables are written. What it leaves out: accounts that are not
known yet, refusals, instruments, the watch over what the broker does.

`python -m benchmarks.peers.orm_snapshots QUEUE`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import uvloop
from faststream import FastStream
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitMessage, RabbitQueue
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from benchmarks.peers.orm_tables import AccountRow, DetailsRow, SyncLogRow
from benchmarks.peers.settings import POOL_SIZE, amqp_url, database_url, prefetch, queue_name, say_ready
from services.sync_consumer.snapshot import Applied, Standing, judge
from shared.database import tables
from shared.database.engine import asyncpg_url
from shared.schemas.account import AccountSnapshot

PERCENT = 100


async def apply(session: AsyncSession, snapshot: AccountSnapshot, message_id: str) -> None:
    """Bring one account up to date and log the delivery, as the service does."""
    account, details = (
        await session.execute(
            select(AccountRow, DetailsRow)
            .join(DetailsRow, tables.user_mt5_account_details.c.user_mt5_account_id == AccountRow.id)
            .where(
                AccountRow.mt5_server == snapshot.account.server, AccountRow.mt5_account_id == snapshot.account.login
            )
            .with_for_update(of=AccountRow)
        )
    ).one()
    now = datetime.now(UTC)
    standing = Standing(account.user_id, account.balance, account.last_synced_at)
    is_applied = isinstance(judge(snapshot, standing, now=now), Applied)
    log = SyncLogRow(
        message_id=message_id,
        user_id=snapshot.user_id,
        mt5_account_id=snapshot.account.login,
        mt5_server=snapshot.account.server,
        operation="snapshot",
        sync_status="applied" if is_applied else "superseded",
        captured_at=snapshot.captured_at,
        synced_at=now,
    )
    if is_applied:
        log.balance_before, log.balance_after = account.balance, snapshot.balance
        log.equity_after, log.margin_free_after = snapshot.equity, snapshot.margin_free
        _bring_up_to_date(account, details, snapshot, now)
    session.add(log)


def _bring_up_to_date(account: Any, details: Any, snapshot: AccountSnapshot, now: datetime) -> None:
    account.broker_name = snapshot.account.broker
    account.account_currency = snapshot.account.currency
    account.account_leverage = snapshot.account.leverage
    account.is_demo = snapshot.account.is_demo
    account.balance, account.equity = snapshot.balance, snapshot.equity
    account.margin_used, account.margin_free = snapshot.margin_used, snapshot.margin_free
    account.margin_level_percent = snapshot.equity / snapshot.margin_used * PERCENT if snapshot.margin_used else None
    account.open_positions_count = snapshot.open_positions_count
    account.total_positions_volume = snapshot.total_positions_volume
    account.sync_status = "active" if snapshot.account.trade_allowed else "inactive"
    account.last_synced_at, account.updated_at = snapshot.captured_at, now
    details.currency_digits = snapshot.account.digits
    details.margin_mode = snapshot.account.margin_mode
    details.trade_allowed = snapshot.account.trade_allowed
    details.arrived_at = now


async def main() -> None:
    """Serve until killed."""
    engine = create_async_engine(asyncpg_url(database_url()), pool_size=POOL_SIZE, max_overflow=0)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    broker = RabbitBroker(amqp_url(), default_channel=Channel(prefetch_count=prefetch()), logger=None)

    @broker.subscriber(RabbitQueue(queue_name(), queue_type=QueueType.QUORUM, durable=True))
    async def handle(snapshot: AccountSnapshot, message: RabbitMessage) -> None:
        async with sessions.begin() as session:
            await apply(session, snapshot, message.message_id)

    app = FastStream(broker, logger=None)
    app.after_startup(say_ready)
    await app.run()


if __name__ == "__main__":
    uvloop.run(main())
