"""The batch consumer: take what is waiting, decide it in one handler call, settle it, again; in lanes side by side.

The lanes are the service's own tasks. The channel's reader only puts messages into the inbox, because it ends when the
connection closes, and a handler must not be cancelled in the middle of its transaction.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import stamina
import structlog
from pydantic import Field

from shared import metrics
from shared.errors import DependencyError
from shared.messaging.breaker import Breaker
from shared.messaging.delivery import Delivery, read_delivery
from shared.messaging.inbox import Inbox, Received
from shared.messaging.link import BrokerSettings, Link, broker_errors, keep_connected, open_link
from shared.messaging.outcomes import Retry
from shared.messaging.settlement import Settled, settle, within_attempts
from shared.messaging.topology import HEADER_DELIVERY_COUNT
from shared.messaging.watchdog import watch_for_stall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from aiormq.abc import DeliveredMessage

    from shared.messaging.outcomes import Outcome
    from shared.messaging.publisher import Publisher

    Handler = Callable[[Sequence[Delivery]], Awaitable[Sequence[Outcome]]]

log = structlog.get_logger()

BATCH_WAIT_MAX_S = 2.0
"""The longest pause before a batch that a dependency's error ended is tried again."""
GIVEN_BACK_MAX = 5
"""Messages that came back less often go back to the queue when the breaker opens, because another replica may reach
what we cannot. Each time counts towards the delivery limit, so after that they are held, for as long as it takes."""


class ConsumerSettings(BrokerSettings):
    """How much a consumer takes at a time, and how long its handler may run. Times in seconds.

    `batches_at_once`: lanes, see `Inbox`; each holds a database connection. `stall_check_seconds`: how often is looked
    whether the queue fills while nothing comes.
    """

    batch_max: Annotated[int, Field(ge=1, le=1000)] = 100
    batches_at_once: Annotated[int, Field(ge=1, le=3)] = 2
    prefetch: Annotated[int, Field(ge=1, le=2000)] = 400
    handler_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30
    stall_check_seconds: Annotated[float, Field(gt=0, le=600)] = 4


class Consumer:
    """Consumes one queue until asked to stop.

    `ready` is awaited before messages are taken; it raises DependencyError while the handler could only fail. `key`
    tells which messages must be handled in their order; without one all are.
    """

    def __init__(
        self,
        settings: ConsumerSettings,
        *,
        name: str,
        queue: str,
        accepts: frozenset[str],
        handler: Handler,
        publisher: Publisher,
        ready: Callable[[], Awaitable[None]],
        key: Callable[[Delivery], str | None] | None = None,
    ) -> None:
        self._settings = settings
        self._name = name
        self._queue = queue
        self._accepts = accepts
        self._handler = handler
        self._publisher = publisher
        self._ready = ready
        self._key = key
        self.breaker = Breaker(f"{queue} database")
        self.consuming = False
        """Whether the broker has us as a consumer."""

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set, then finish what was delivered and return."""
        await keep_connected(lambda: self._session(stop), role="consume")

    async def _session(self, stop: asyncio.Event) -> None:
        if stop.is_set():
            return
        await self._ready()
        async with open_link(self._settings, name=self._name) as link, self._subscribed(link, stop) as inbox:
            lanes = [
                asyncio.create_task(self._lane(link, inbox, number, stop), name=f"{self._queue} lane {number}")
                for number in range(inbox.lanes)
            ]
            try:
                await asyncio.wait(lanes)
            finally:
                for lane in lanes:
                    lane.cancel()
                await asyncio.wait(lanes)
            _raise_worst(lanes)
            if link.lost.is_set():
                raise DependencyError(f"the consuming link was lost: {link.cause}")

    async def _lane(self, link: Link, inbox: Inbox, number: int, stop: asyncio.Event) -> None:
        """Batch after batch until the inbox is closed and empty. An error ends the link, and so the other lanes."""
        try:
            while batch := await inbox.take(number, self._settings.batch_max):

                def can_wait() -> bool:
                    come_back = max(map(_delivery_count, inbox.unsettled()), default=0)
                    return come_back >= GIVEN_BACK_MAX and not stop.is_set() and not link.lost.is_set()

                await self._handle(link, inbox, batch, can_wait)
                _count_seconds(self._queue, batch)
        except BaseException as error:
            link.lose(error)
            raise

    @asynccontextmanager
    async def _subscribed(self, link: Link, stop: asyncio.Event) -> AsyncIterator[Inbox]:
        """Consume into an inbox. On `stop` the subscription ends and the inbox closes; when the link is lost, too."""
        inbox = Inbox(self._settings.batches_at_once if self._key else 1)

        def take_in(message: DeliveredMessage) -> None:
            delivery = read_delivery(message, accepts=self._accepts, own_user=self._settings.user)
            inbox.put(Received(message, delivery), key=self._key(delivery) if self._key else None)

        async with broker_errors(self._settings.amqp_timeout_seconds):
            await link.channel.get_queue(self._queue, ensure=True)
            channel = await link.open_batch_channel(publisher_confirms=False)
            await channel.basic_qos(prefetch_count=self._settings.prefetch)
            tag = await channel.consume(self._queue, take_in)

        async def close_inbox() -> None:
            ends = [asyncio.create_task(stop.wait()), asyncio.create_task(link.lost.wait())]
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if not link.lost.is_set():
                    async with broker_errors(self._settings.amqp_timeout_seconds):
                        await channel.basic_cancel(tag)
            except DependencyError as error:
                link.lose(error)
            finally:
                for end in ends:
                    end.cancel()
                inbox.close(discard=link.lost.is_set())

        watching = watch_for_stall(
            link,
            inbox,
            self._queue,
            every_s=self._settings.stall_check_seconds,
            timeout_s=self._settings.amqp_timeout_seconds,
        )
        self._mark(consuming=True)
        beside = [
            asyncio.create_task(close_inbox(), name=f"{self._queue} subscription"),
            asyncio.create_task(watching, name=f"{self._queue} watchdog"),
        ]
        try:
            yield inbox
        finally:
            self._mark(consuming=False)
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)

    async def _handle(self, link: Link, inbox: Inbox, batch: list[Received], can_wait: Callable[[], bool]) -> None:
        started = time.monotonic()
        metrics.BATCH_MESSAGES.labels(self._queue).observe(len(batch))
        outcomes = await self._decide([received.delivery for received in batch], can_wait)
        metrics.HANDLER_SECONDS.labels(self._queue).observe(time.monotonic() - started)
        settled = [
            Settled(received, within_attempts(self._queue, received.delivery, outcome))
            for received, outcome in zip(batch, outcomes, strict=True)
        ]
        await settle(link, self._publisher, self._queue, settled, inbox, started=started)

    async def _decide(self, deliveries: list[Delivery], can_wait: Callable[[], bool]) -> Sequence[Outcome]:
        """The handler's outcomes; the whole batch again, with back-off, where a dependency's error ends it.

        Once the breaker is open, raises DependencyError unless the messages `can_wait` here: then they do.
        """

        def is_tried_again(error: Exception) -> bool:
            return isinstance(error, DependencyError) and (not self.breaker.is_open or can_wait())

        try:
            return await self._through_breaker(deliveries)
        except DependencyError as error:
            if not is_tried_again(error):
                raise
        async for attempt in stamina.retry_context(
            on=is_tried_again, attempts=None, timeout=None, wait_max=BATCH_WAIT_MAX_S
        ):
            with attempt:
                return await self._through_breaker(deliveries)
        raise AssertionError("a retried block either returns or raises")

    async def _through_breaker(self, deliveries: list[Delivery]) -> Sequence[Outcome]:
        try:
            outcomes = await self._outcomes(deliveries)
        except DependencyError as error:
            self.breaker.failed(error)
            raise
        self.breaker.succeeded()
        return outcomes

    async def _outcomes(self, deliveries: list[Delivery]) -> Sequence[Outcome]:
        """One handler call; where a bug or a data error ends it, one by one, so that the culprit harms only itself."""
        try:
            async with asyncio.timeout(self._settings.handler_timeout_seconds):
                return await self._handler(deliveries)
        except DependencyError as error:
            metrics.BATCH_FAULTS.labels("dependency").inc()
            log.warning("batch.failed", queue=self._queue, messages=len(deliveries), cause=str(error))
            raise
        except Exception as error:
            metrics.BATCH_FAULTS.labels("bug").inc()
            if len(deliveries) > 1:
                return [outcome for delivery in deliveries for outcome in await self._outcomes([delivery])]
            log.exception("handler.failed", queue=self._queue, message_id=str(deliveries[0].message_id))
            return [Retry("internal_error", log={"error": type(error).__name__})]

    def _mark(self, *, consuming: bool) -> None:
        self.consuming = consuming
        metrics.CONSUMING.labels(self._queue).set(consuming)
        log.info("consumer.started" if consuming else "consumer.stopped", queue=self._queue)


def _raise_worst(lanes: Sequence[asyncio.Task[None]]) -> None:
    """Raise what ended a lane: a bug before a lost link, which it made the other lanes lose."""
    errors = [error for lane in lanes if not lane.cancelled() and (error := lane.exception())]
    for error in sorted(errors, key=lambda error: isinstance(error, DependencyError)):
        raise error


def _count_seconds(queue: str, batch: Sequence[Received]) -> None:
    now = time.monotonic()
    seconds: dict[str, list[float]] = {}
    for received in batch:
        seconds.setdefault(received.delivery.type_label, []).append(now - received.arrived_at)
    for label, amounts in seconds.items():
        metrics.MESSAGE_SECONDS.labels(queue, label).observe_all(amounts)


def _delivery_count(received: Received) -> int:
    """How often the broker has taken the message back from a consumer; 0 where it does not say."""
    headers = received.message.header.properties.headers or {}
    count = headers.get(HEADER_DELIVERY_COUNT)
    return count if isinstance(count, int) else 0
