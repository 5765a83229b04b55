"""Replaying and purging: the message is safe elsewhere, or its end is written down, before it leaves its queue."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal

import structlog
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from shared.cli.dead.filters import Filter
from shared.cli.terminal import complain, error_console
from shared.logging import redact
from shared.messaging.link import BrokerSettings
from shared.messaging.looking import HELD_MAX, Look, look_through
from shared.messaging.parked import Parked, replayed_copy
from shared.messaging.publisher import Publisher

Action = Literal["replay", "purge"]
DATABASE_VARIABLES = ("LOTWISE_DATABASE_URL", "LOTWISE_DATABASE_URL_FILE")
OUTCOMES = {"replay": "replayed", "purge": "purged"}


@dataclass(frozen=True, slots=True)
class Order:
    """What the operator asked for. `limit` is the most messages that are acted upon, of all queues together."""

    action: Action
    operator: str
    queues: tuple[str, ...]
    filter: Filter
    limit: int | None
    dry_run: bool = False


@dataclass(slots=True)
class Tally:
    """What was done. `again` are messages whose id was replayed in this run already: they stay where they are."""

    done: int = 0
    left: int = 0
    again: int = 0


async def find(settings: BrokerSettings, queues: tuple[str, ...], wanted: Filter, limit: int | None) -> list[Parked]:
    """The messages that are meant, in the order of their queues; all of them stay parked."""
    found: list[Parked] = []
    for queue in queues:
        async with look_through(settings, queue) as look:
            async for held in look.messages():
                if limit is not None and len(found) >= limit:
                    return found
                if wanted.takes(held.parked):
                    found.append(held.parked)
            _say_where_cut(look)
    return found


async def act(settings: BrokerSettings, order: Order) -> Tally:
    """Replay or purge what is meant, one after the other. Raises DependencyError; what was not reached stays parked."""
    tally = Tally()
    async with _audit() as keep, _publisher(settings, needed=order.action == "replay") as publisher:
        with _progress() as progress:
            bar = progress.add_task(OUTCOMES[order.action], total=None)
            for queue in order.queues:
                async with look_through(settings, queue) as look:
                    await _act_on(look, order, tally, publisher, keep, lambda: progress.advance(bar))
    return tally


async def _act_on(
    look: Look,
    order: Order,
    tally: Tally,
    publisher: Publisher | None,
    keep: Callable[[Order, Parked], Awaitable[None]],
    advance: Callable[[], None],
) -> None:
    replayed: set[str] = set()  # one that is refused again comes back while we look
    async for held in look.messages():
        parked = held.parked
        if order.limit is not None and tally.done >= order.limit:
            return
        if not order.filter.takes(parked):
            tally.left += 1
            continue
        if parked.message_id in replayed:
            tally.again += 1
            continue
        if not order.dry_run:
            if publisher is not None:
                copy = replayed_copy(parked)
                replayed.add(copy.message_id)
                await publisher.publish(copy)
            await keep(order, parked)
            await look.take(held)
        tally.done += 1
        advance()
    _say_where_cut(look)


@asynccontextmanager
async def _publisher(settings: BrokerSettings, *, needed: bool) -> AsyncIterator[Publisher | None]:
    """A publisher on a connection of its own: a broker's alarm blocks those that publish."""
    if not needed:
        yield None
        return
    publisher = Publisher(settings, name="lotwise dead replay")
    running = asyncio.create_task(publisher.run())
    try:
        yield publisher
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@asynccontextmanager
async def _audit() -> AsyncIterator[Callable[[Order, Parked], Awaitable[None]]]:
    """A line on standard error for each message, and a row where a database is named.

    Both come before the message leaves its queue: one that is gone is always told of.
    """
    log = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            structlog.processors.JSONRenderer(),
        ],
    )
    if not any(os.environ.get(name) for name in DATABASE_VARIABLES):

        async def only_say(order: Order, parked: Parked) -> None:
            log.msg(f"operator.{order.action}", **_told(order, parked))

        yield only_say
        return
    from shared.cli.database import database  # noqa: PLC0415 - SQLAlchemy takes a second to load
    from shared.database.actions import OperatorAction, keep_action  # noqa: PLC0415

    async with database("lotwise dead") as engine:

        async def keep(order: Order, parked: Parked) -> None:
            action = OperatorAction(**_told(order, parked))
            await keep_action(engine, action)
            log.msg(f"operator.{order.action}", **asdict(action))

        yield keep


def _told(order: Order, parked: Parked) -> dict[str, Any]:
    return {
        "operator": order.operator,
        "action": order.action,
        "queue": parked.queue,
        "message_id": parked.message_id,
        "message_type": parked.type,
        "sender": parked.user,
        "parked_reason": parked.reason,
        "filters": str(order.filter),
        "outcome": OUTCOMES[order.action],
    }


def _say_where_cut(look: Look) -> None:
    if look.is_cut:
        complain(f"lotwise: {HELD_MAX} messages of {look.queue} were looked at, and there are more behind them")


def _progress() -> Progress:
    console = error_console()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
