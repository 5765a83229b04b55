"""A batch of account messages: lock the accounts, judge each message in its order, store what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from asyncpg import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from services.sync_consumer import store
from services.sync_consumer.counts import count_results
from services.sync_consumer.identity import Identity, identify
from services.sync_consumer.snapshot import Applied, Key, Refused, Standing, Superseded, after, judge, refuse, status
from services.sync_consumer.store import SyncLog
from shared.database.transaction import driver_transaction
from shared.messaging.delivery import Delivery
from shared.messaging.outcomes import Ack, Event, Outcome, Park
from shared.messaging.topology import KEY_ACCOUNT_REFUSED
from shared.schemas.account import AccountInstruments, AccountRefused, AccountSnapshot
from shared.schemas.decoding import InvalidMessage, schema_name
from shared.schemas.instrument import RefusedSpec, read_specs

ACCEPTS = frozenset({"account.snapshot.v1", "account.instruments.v1"})
OPERATIONS = {"account.snapshot.v1": "snapshot", "account.instruments.v1": "instruments"}
ERROR_MESSAGE_MAX = 2000


def lane_key(delivery: Delivery) -> str | None:
    """Messages about one account, refused ones too as far as it can be told, are handled in their order."""
    key = identify(delivery).key
    return f"{key[1]} {key[0]}" if key else None


@dataclass(slots=True)
class Batch:
    """What a batch has come to so far. Each message sees what those before it did, as if it had come alone."""

    now: datetime
    standings: dict[Key, Standing]
    newest: dict[Key, AccountSnapshot] = field(default_factory=dict)
    in_error: set[Key] = field(default_factory=set)
    logs: list[SyncLog] = field(default_factory=list)


class SyncHandler:
    """Keeps `user_mt5_accounts` and the published specs true. `freshness_s` is the age at which an account is stale."""

    def __init__(self, engine: AsyncEngine, *, freshness_s: int) -> None:
        self._engine = engine
        self._freshness_s = freshness_s

    async def __call__(self, deliveries: Sequence[Delivery]) -> list[Outcome]:
        """One outcome for each delivery, all in one transaction."""
        identities = [identify(delivery) for delivery in deliveries]
        keys = {identity.key for identity in identities if identity.key}
        async with driver_transaction(self._engine) as connection:
            now, standings = await store.lock_accounts(connection, keys)
            known = frozenset(standings)
            batch = Batch(now, standings)
            outcomes = [
                await _apply(connection, batch, delivery, identity)
                for delivery, identity in zip(deliveries, identities, strict=True)
            ]
            await self._save(connection, batch, known)
        count_results(batch.logs)
        return outcomes

    async def _save(self, connection: Connection, batch: Batch, known: frozenset[Key]) -> None:
        newest = {
            key: (snapshot, status(snapshot, now=batch.now, freshness_s=self._freshness_s))
            for key, snapshot in batch.newest.items()
        }
        await store.save_accounts(connection, newest, known=known, now=batch.now)
        await store.mark_error(connection, batch.in_error)
        await store.write_logs(connection, batch.logs, now=batch.now)


async def _apply(connection: Connection, batch: Batch, delivery: Delivery, identity: Identity) -> Outcome:
    match delivery.content:
        case AccountSnapshot() as snapshot:
            return _apply_snapshot(batch, delivery, identity, snapshot)
        case AccountInstruments() as message:
            return await _apply_instruments(connection, batch, delivery, identity, message)
        case InvalidMessage() as invalid:
            return _refuse(batch, delivery, identity, Refused("invalid_message", _sentence(invalid)))
    raise TypeError(f"no rule for {type(delivery.content).__name__}")


def _apply_snapshot(batch: Batch, delivery: Delivery, identity: Identity, snapshot: AccountSnapshot) -> Outcome:
    key = (snapshot.account.server, snapshot.account.login)
    match judge(snapshot, batch.standings.get(key), now=batch.now):
        case Refused() as refused:
            return _refuse(batch, delivery, identity, refused)
        case Superseded():
            batch.logs.append(_log(delivery, identity, "superseded"))
            return _done(identity, "superseded")
        case Applied(balance_before=before):
            batch.standings[key] = after(snapshot)
            batch.newest[key] = snapshot
            batch.in_error.discard(key)
            batch.logs.append(_applied_log(delivery, identity, snapshot, before))
            return _done(identity, "applied")


async def _apply_instruments(
    connection: Connection, batch: Batch, delivery: Delivery, identity: Identity, message: AccountInstruments
) -> Outcome:
    standing = batch.standings.get((message.account.server, message.account.login))
    if refused := refuse(message, standing, now=batch.now):
        return _refuse(batch, delivery, identity, refused)
    specs, wrong = read_specs(message.instruments)
    fault = _wrong_specs(wrong)
    if not specs:
        return _refuse(batch, delivery, identity, Refused("invalid_message", fault))
    saved = await store.save_specs(connection, message, specs, now=batch.now)
    result = "applied" if saved else "superseded"
    code = "invalid_message" if wrong else None
    batch.logs.append(_log(delivery, identity, result, code=code, message=fault or None))
    return _done(identity, result, specs=saved, specs_refused=len(wrong))


def _refuse(batch: Batch, delivery: Delivery, identity: Identity, refused: Refused) -> Outcome:
    standing = batch.standings.get(identity.key) if identity.key else None
    if identity.key and standing and standing.user_id == identity.user_id and identity.is_newer_than(standing):
        batch.in_error.add(identity.key)
    batch.logs.append(
        _log(delivery, identity, "refused", code=refused.code, message=refused.message[:ERROR_MESSAGE_MAX])
    )
    event = AccountRefused(
        user_id=identity.user_id, account=identity.account, captured_at=identity.captured_at, code=refused.code
    )
    return Park(
        refused.code,
        refused.message,
        events=(Event(KEY_ACCOUNT_REFUSED, schema_name(event), event.to_json()),),
        log=_identifiers(identity),
    )


def _done(identity: Identity, result: str, **more: int) -> Ack:
    return Ack(log={**_identifiers(identity), "sync_status": result, **more})


def _identifiers(identity: Identity) -> dict[str, object]:
    server, login = identity.key or (None, None)
    return {"user_id": identity.user_id, "server": server, "login": login}


def _log(
    delivery: Delivery, identity: Identity, result: str, *, code: str | None = None, message: str | None = None
) -> SyncLog:
    server, login = identity.key or (None, None)
    return SyncLog(
        operation=OPERATIONS.get(delivery.type or ""),
        sync_status=result,
        message_id=delivery.message_id,
        user_id=identity.user_id,
        mt5_account_id=login,
        mt5_server=server,
        error_code=code,
        error_message=message,
        captured_at=identity.captured_at,
    )


def _applied_log(delivery: Delivery, identity: Identity, snapshot: AccountSnapshot, before: Decimal | None) -> SyncLog:
    return _log(delivery, identity, "applied")._replace(
        balance_before=before,
        balance_after=snapshot.balance,
        equity_after=snapshot.equity,
        margin_free_after=snapshot.margin_free,
    )


def _sentence(invalid: InvalidMessage) -> str:
    return "; ".join(f"{error.field}: {error.message}" if error.field else error.message for error in invalid.errors)


def _wrong_specs(wrong: Sequence[RefusedSpec]) -> str:
    """Every refused spec by its name, before what is wrong with each as far as there is room."""
    names = ", ".join(spec.instrument or "unnamed" for spec in wrong)
    errors = "; ".join(f"{error.field}: {error.message}" for spec in wrong for error in spec.errors)
    return f"{names}: {errors[:ERROR_MESSAGE_MAX]}" if wrong else ""
