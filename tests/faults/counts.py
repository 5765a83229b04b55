"""What became of everything that was sent, in Jepsen's words, read from the database once all is healed and drained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.schemas.sizing import SizingDecision, SizingRequest

DECISIONS = text("SELECT request_id, reply FROM decisions")
AUDIT = text("SELECT request_id FROM trade_setup_risk_logs")
RECORDS = text("SELECT request_id FROM decision_records")
SYNC_LOG = text("SELECT DISTINCT message_id FROM user_mt5_sync_logs WHERE message_id IS NOT NULL")
ACCOUNTS = text("SELECT mt5_account_id, last_synced_at, balance FROM user_mt5_accounts")


@dataclass(slots=True)
class Asked:
    """A sizing request, what was answered to it each time, and whether the first attempt was.

    `confirmed`: published by somebody who awaits no answer, and confirmed by the broker.
    """

    request: SizingRequest
    replies: list[SizingDecision] = field(default_factory=list)
    answered_at_once: bool = True
    confirmed: bool = False

    @property
    def request_id(self) -> UUID:
        """The name of the request, however often it is sent."""
        return self.request.request_id

    @property
    def acknowledged(self) -> bool:
        """Whether somebody has answered for it: then it must have its effect."""
        return self.confirmed or bool(self.replies)


@dataclass(slots=True)
class Sent:
    """A snapshot that was published, and whether the broker confirmed it."""

    message_id: UUID
    login: int
    captured_at: datetime
    balance: Decimal
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Requests and snapshots together. An effect is a decision with its audit row, or a row of the sync log.

    attempted: sent at all. acknowledged: answered, or confirmed by the broker. ok: acknowledged, and with its effect.
    lost: acknowledged, without it. duplicated: with more than one effect, or answered in two ways. unexpected: an
    effect that nobody asked for, an account that is not at its newest snapshot, a message parked without guilt.
    recovered: not acknowledged at the first attempt, and with its effect all the same.
    """

    attempted: int
    acknowledged: int
    ok: int
    lost: int
    duplicated: int
    unexpected: int
    recovered: int

    @classmethod
    def none(cls) -> Counts:
        """Of nothing at all."""
        return cls(**dict.fromkeys(cls.__slots__, 0))

    @property
    def is_clean(self) -> bool:
        """Nothing lost, nothing doubled, nothing that nobody asked for."""
        return self.lost == self.duplicated == self.unexpected == 0


async def count(
    engine: AsyncEngine, requests: Iterable[Asked], snapshots: Iterable[Sent], *, parked: Iterable[str] = ()
) -> Counts:
    """Compare what was sent with what the database holds; `parked` are the innocent among the parked messages."""
    requests, snapshots = list(requests), list(snapshots)
    async with engine.connect() as connection:
        replies = {row.request_id: row.reply for row in await connection.execute(DECISIONS)}
        audit = Counter((await connection.execute(AUDIT)).scalars())
        records = Counter((await connection.execute(RECORDS)).scalars())
        logged = set((await connection.execute(SYNC_LOG)).scalars())
        accounts = {row.mt5_account_id: row for row in await connection.execute(ACCOUNTS)}
    decided = set(replies) & set(audit) & set(records)
    asked = {one.request_id for one in requests}
    acknowledged = [one for one in requests if one.acknowledged]
    confirmed = [one for one in snapshots if one.confirmed]
    contradicted = [one for one in requests if one.request_id in replies and not _agree(one, replies[one.request_id])]
    return Counts(
        attempted=len(requests) + len(snapshots),
        acknowledged=len(acknowledged) + len(confirmed),
        ok=sum(one.request_id in decided for one in acknowledged) + sum(one.message_id in logged for one in confirmed),
        lost=sum(one.request_id not in decided for one in acknowledged)
        + sum(one.message_id not in logged for one in confirmed),
        duplicated=sum(n > 1 for n in audit.values()) + sum(n > 1 for n in records.values()) + len(contradicted),
        unexpected=len((set(replies) | set(audit) | set(records)) - asked)
        + sum(not _is_newest(accounts, login, snapshots) for login in {one.login for one in snapshots})
        + len(set(parked)),
        recovered=sum(one.request_id in decided for one in requests if not one.answered_at_once)
        + sum(one.message_id in logged for one in snapshots if not one.confirmed),
    )


def _agree(request: Asked, stored: bytes) -> bool:
    decision = SizingDecision.model_validate_json(stored)
    return all(reply == decision for reply in request.replies)


def _is_newest(accounts: dict[int, Row[Any]], login: int, snapshots: list[Sent]) -> bool:
    """Whether an account holds its newest confirmed snapshot, or a newer one that came through unconfirmed."""
    row = accounts.get(login)
    sent = {one.captured_at: one for one in snapshots if one.login == login}
    confirmed = [captured_at for captured_at, one in sent.items() if one.confirmed]
    if row is None:
        return not confirmed
    held = sent.get(row.last_synced_at)
    return held is not None and held.balance == row.balance and all(at <= held.captured_at for at in confirmed)
