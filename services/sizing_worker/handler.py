"""A batch of sizing requests: lock the accounts, load what was committed, decide each in its order, store, reply.

One transaction for the batch. A request that was decided before gets its stored reply, byte for byte; that memory is
what makes a redelivery, a crash after the commit or a requester's second try harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Context, Decimal
from uuid import UUID

from asyncpg import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from services.sizing_worker import store
from services.sizing_worker.audit import fresh
from services.sizing_worker.configuration import CurrentConfiguration
from services.sizing_worker.counts import count_batch
from services.sizing_worker.store import NOTHING_RESERVED, Decided, Fresh, KnownAccount, Reserved
from shared.database.transaction import driver_transaction
from shared.errors import DependencyError
from shared.messaging.delivery import Delivery
from shared.messaging.outcomes import Ack, Event, Outcome, Park, Reply
from shared.messaging.topology import KEY_SIZING_DECIDED
from shared.schemas.decoding import InvalidMessage, schema_name
from shared.schemas.sizing import SizingDecision, SizingOutcome, SizingRequest
from shared.sizing.account import Candidate
from shared.sizing.configuration import Configuration, Rules
from shared.sizing.content import content_hash
from shared.sizing.decision import decide
from shared.sizing.record import encode_record, listed_reservation
from shared.sizing.reply import conflict_reply, invalid_reply
from shared.sizing.situation import Situation

ACCEPTS = frozenset({"sizing.request.v1", "sizing.outcome.v1"})
DECISION = schema_name(SizingDecision)
EXACT = Context(prec=100)
"""Adds amounts of 38 digits without rounding, which the default context does from the 29th."""


def lane_key(delivery: Delivery) -> str | None:
    """Requests of one user lock the same accounts: they are handled one after the other."""
    return delivery.content.user_id if isinstance(delivery.content, SizingRequest) else None


@dataclass(slots=True)
class Batch:
    """What was read under the locks, once, and what the batch has come to so far.

    `reserved` is what each account's live reservations hold, by account id; an approval of this batch is added, so that
    two requests for one account see each other. They are listed in the first record that saw them, once.
    """

    now: datetime
    configuration: Configuration
    accounts: dict[str, list[KnownAccount]]
    decided: dict[UUID, Decided]
    reserved: dict[int, Reserved]
    fresh: list[Fresh] = field(default_factory=list)

    def candidates(self, request: SizingRequest) -> tuple[Candidate, ...]:
        """The user's accounts, each with its spec of the instrument and what it has reserved."""
        return tuple(
            Candidate(
                known.account,
                known.has_specs,
                known.specs.get(request.instrument),
                margin_reserved=self.reserved[known.account.id].margin,
            )
            for known in self.accounts.get(request.user_id, ())
        )

    def remember(self, fresh: Fresh) -> None:
        """Let the rest of the batch see a decision."""
        self.fresh.append(fresh)
        self.decided[fresh.request_id] = Decided(fresh.content_hash, fresh.reply)
        if fresh.user_mt5_account_id is None:
            return
        held, required = self.reserved[fresh.user_mt5_account_id], fresh.total_margin_required
        if held.first is None and held.listed:
            held = Reserved(held.margin, b"", fresh.request_id)
        if fresh.reserved_until is not None and required is not None:
            margin = Decimal(required)
            listed = held.listed + listed_reservation(fresh.request_id, margin)
            held = Reserved(EXACT.add(held.margin, margin), listed, held.first)
        self.reserved[fresh.user_mt5_account_id] = held


class SizingHandler:
    """Decides sizing requests and remembers what became of setups.

    `request_s`: seconds after its timestamp in which a request without `expires_at` is still awaited.
    """

    def __init__(self, engine: AsyncEngine, current: CurrentConfiguration, *, rules: Rules, request_s: int) -> None:
        self._engine = engine
        self._current = current
        self._rules = rules
        self._request_s = request_s

    async def __call__(self, deliveries: Sequence[Delivery]) -> list[Outcome]:
        """One outcome for each delivery, all in one transaction."""
        requests = [content for delivery in deliveries if isinstance(content := delivery.content, SizingRequest)]
        outcomes = [content for delivery in deliveries if isinstance(content := delivery.content, SizingOutcome)]
        async with driver_transaction(self._engine) as connection:
            batch = await self._load(connection, requests)
            await store.save_outcomes(connection, outcomes, now=batch.now)
            results = [self._outcome(batch, delivery) for delivery in deliveries]
            if not await store.save_decisions(connection, batch.fresh):
                # Two workers, one request, and no account to lock: the other was first, its reply stands.
                raise DependencyError("another worker decided one of these requests at the same time")
        count_batch(requests, outcomes, batch.fresh)
        return results

    async def _load(self, connection: Connection, requests: Sequence[SizingRequest]) -> Batch:
        ids = await store.lock_accounts(connection, store.users_of(requests))
        loaded = await store.load_situation(connection, ids, requests)
        accounts: dict[str, list[KnownAccount]] = {}
        for known in loaded.accounts:
            accounts.setdefault(known.account.user_id, []).append(known)
        return Batch(
            loaded.now,
            await self._configuration(connection, loaded.version),
            accounts,
            await store.load_decided(connection, requests) if loaded.repeated else {},
            {known.account.id: known.reserved for known in loaded.accounts},
        )

    async def _configuration(self, connection: Connection, version: int) -> Configuration:
        """The configuration in force: the one in memory if it is that version, else the database's, whole."""
        held = self._current.value
        if held is not None and held.version == version:
            return held
        configuration = await store.load_configuration(connection)
        self._current.offer(configuration)
        return configuration

    def _outcome(self, batch: Batch, delivery: Delivery) -> Outcome:
        match delivery.content:
            case SizingRequest() as request:
                return self._answer(batch, delivery, request)
            case SizingOutcome() as outcome:
                return Ack(log={"request_id": str(outcome.request_id), "status": outcome.outcome})
            case InvalidMessage() as invalid:
                return _refuse(invalid, batch.now)
        raise TypeError(f"no rule for {type(delivery.content).__name__}")

    def _answer(self, batch: Batch, delivery: Delivery, request: SizingRequest) -> Outcome:
        content = content_hash(request)
        earlier = batch.decided.get(request.request_id)
        if earlier is None:
            return self._decide(batch, delivery, request, content)
        if earlier.content_hash == content:
            return Ack(Reply(DECISION, earlier.reply), log={"request_id": str(request.request_id), "repeated": True})
        return _ack(conflict_reply(request, batch.now))

    def _decide(self, batch: Batch, delivery: Delivery, request: SizingRequest, content: bytes) -> Outcome:
        situation = Situation(
            decided_at=batch.now,
            expires_at=self._expires_at(delivery, request),
            configuration=batch.configuration,
            rules=self._rules,
            candidates=batch.candidates(request),
        )
        decision = decide(request, situation)
        reserved = batch.reserved[decision.account.id] if decision.account else NOTHING_RESERVED
        record = encode_record(request, situation, reserved.listed, decision)
        batch.remember(
            fresh(
                request,
                situation,
                decision,
                content_hash=content,
                record=record,
                reservations_of=reserved.first,
            )
        )
        body = decision.answer.body
        log = {"request_id": request.request_id, "user_id": request.user_id, "status": decision.answer.status}
        return Ack(Reply(DECISION, body), (Event(KEY_SIZING_DECIDED, DECISION, body),), log)

    def _expires_at(self, delivery: Delivery, request: SizingRequest) -> datetime | None:
        """When nobody listens any more; None where the sender told neither that nor when it asked."""
        if request.expires_at is not None:
            return request.expires_at
        try:
            return delivery.sent_at + timedelta(seconds=self._request_s) if delivery.sent_at else None
        except OverflowError:  # sent in the last minute of the calendar
            return None


def _refuse(invalid: InvalidMessage, now: datetime) -> Outcome:
    reply = invalid_reply(invalid, now)
    detail = "; ".join(
        f"{reason.field}: {reason.message}" if reason.field else reason.message for reason in reply.reasons
    )
    return Park("invalid_message", detail, Reply(DECISION, reply.to_json()), log=_identifiers(reply))


def _ack(reply: SizingDecision, *, body: bytes | None = None, events: tuple[Event, ...] = ()) -> Ack:
    return Ack(Reply(DECISION, body or reply.to_json()), events, log=_identifiers(reply))


def _identifiers(reply: SizingDecision) -> dict[str, object]:
    return {
        "request_id": str(reply.request_id) if reply.request_id else None,
        "user_id": reply.user_id,
        "status": reply.status,
        "codes": sorted({reason.code for reason in reply.reasons}),
        "config_version": reply.config_version,
    }
