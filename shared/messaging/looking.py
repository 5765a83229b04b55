"""Looking through a parked queue: every message is held until the look ends, and goes back unless it was taken.

Counts lag behind on quorum queues, so the end is where nothing comes any more. A message is held unacknowledged rather
than rejected, because one that goes back at once would come again at once. Two looks at a time would hide messages
from each other: an exclusive queue, which lives as long as its connection, lets one in.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiormq.exceptions import ChannelLockedResource

from shared.errors import DependencyError, DeploymentError
from shared.messaging.link import BrokerSettings, Link, broker_errors, open_link
from shared.messaging.parked import Parked, read_parked
from shared.messaging.topology import parked_lock_name, parked_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aio_pika.abc import AbstractIncomingMessage

WINDOW = 200
"""Messages on their way to us at most; a further channel is opened for as many more."""
HELD_MAX = 50_000
"""Messages that one look holds at most."""
QUIET_S = 1.0
"""A queue that sends nothing for so long has nothing more."""


@dataclass(frozen=True, slots=True)
class Held:
    """A message that is ours until the look ends. Nobody here keeps it: what is not meant costs no memory."""

    parked: Parked
    message: AbstractIncomingMessage


class Look:
    """One look through the parked messages of a work queue."""

    def __init__(self, link: Link, queue: str, *, timeout_s: float) -> None:
        self.queue = queue
        self.is_cut = False
        """Whether there was more than a look may hold."""
        self._link = link
        self._timeout_s = timeout_s
        self._inbox: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self._windows = 0
        self._held = 0

    async def messages(self) -> AsyncIterator[Held]:
        """Each message once, in the queue's order. Raises DependencyError where the connection is lost."""
        while True:
            if self._held >= self._windows * WINDOW:
                if self._held >= HELD_MAX:
                    self.is_cut = True
                    return
                await self._open_window()
            try:
                message = await asyncio.wait_for(self._inbox.get(), QUIET_S)
            except TimeoutError:
                if self._link.lost.is_set():
                    raise DependencyError(f"the connection to the broker was lost: {self._link.cause}") from None
                return
            self._held += 1
            yield Held(read_parked(self.queue, message), message)

    async def take(self, held: Held) -> None:
        """Remove a message that this look yielded, for ever. Raises DependencyError; it may be gone all the same."""
        async with broker_errors(self._timeout_s):
            await held.message.ack()
        self._held -= 1

    async def _open_window(self) -> None:
        async with broker_errors(self._timeout_s):
            channel = await self._link.connection.channel()
            channel.close_callbacks.add(lambda _, cause: self._link.lose(cause))
            await channel.set_qos(prefetch_count=WINDOW)
            queue = await channel.get_queue(parked_name(self.queue), ensure=False)
            await queue.consume(self._inbox.put)
        self._windows += 1


@asynccontextmanager
async def look_through(settings: BrokerSettings, queue: str) -> AsyncIterator[Look]:
    """Look at the parked messages of work queue `queue`; at the end everything that was not taken goes back.

    Raises DependencyError where the broker is away or somebody else looks, DeploymentError where the queue is missing.
    """
    async with open_link(settings, name=f"lotwise dead {queue}") as link:
        try:
            async with broker_errors(settings.amqp_timeout_seconds):
                await link.channel.declare_queue(parked_lock_name(queue), exclusive=True, auto_delete=True)
        except DependencyError as error:
            if isinstance(error.__cause__, ChannelLockedResource):
                raise DependencyError(f"somebody else looks through {parked_name(queue)} right now") from None
            raise
        await _refuse_missing(link, queue, settings)
        yield Look(link, queue, timeout_s=settings.amqp_timeout_seconds)


async def _refuse_missing(link: Link, queue: str, settings: BrokerSettings) -> None:
    async with broker_errors(settings.amqp_timeout_seconds):
        probe = await link.connection.channel()
    try:
        async with broker_errors(settings.amqp_timeout_seconds):
            await probe.get_queue(parked_name(queue), ensure=True)
            await probe.close()
    except DependencyError as error:
        raise DeploymentError(
            f"{parked_name(queue)} cannot be looked at: {error.__cause__ or error}; run `lotwise topology`"
        ) from None
