"""A channel for batches: deliveries without a task for each, publishes in one write, one wait for their confirmations.

It is aiormq's own channel, one layer below aio-pika's; with `frames.py` the only place that knows that layer (ADR 15
says why). What it adds rests on what aiormq keeps for its subclasses and on pamqp's frames.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, cast
from uuid import uuid4

import pamqp.frame
from aiormq.abc import ChannelFrame, DeliveredMessage
from aiormq.channel import Channel
from pamqp import commands
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aio_pika.abc import AbstractConnection
    from aiormq.abc import ConfirmationFrameType, ConsumerCallback

    Taker = Callable[[DeliveredMessage], None]

Verdict = Literal["confirmed", "unroutable", "refused"]
"""What the broker said of a publish: stored or handed on; no queue takes it; a queue would not have it."""
FRAMES_MAX = 1000
"""Frames that wait for aiormq's reader; above it the connection waits."""
ROUTES_KEPT = 1024
"""How many encoded `Basic.Publish` frames are kept: one for each requester that is replied to."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A message, ready to be encoded."""

    exchange: str
    routing_key: str
    mandatory: bool
    properties: commands.Basic.Properties
    body: bytes


@dataclass(slots=True)
class Batch:
    """Messages that are published together. `verdicts` has, in their order, what the broker said of each so far."""

    publications: Sequence[Publication]
    verdicts: list[Verdict | None] = field(init=False)
    first_tag: int = 0
    open: int = 0
    """How many are still without a verdict."""

    def __post_init__(self) -> None:
        self.verdicts = [None] * len(self.publications)
        self.open = len(self.publications)

    def settle(self, tags: range, verdict: Verdict) -> None:
        """Note what the broker said of the delivery tags `tags`, as far as they are of this batch and new."""
        first = max(tags.start - self.first_tag, 0)
        for index in range(first, min(tags.stop - self.first_tag, len(self.verdicts))):
            self.open -= self.verdicts[index] is None
            self.verdicts[index] = self.verdicts[index] or verdict

    def return_(self, returned: commands.Basic.Return, message_id: str | None) -> None:
        """Note that no queue takes what was published under these names; its confirmation is still to come.

        Names and id are all that a return tells; two messages that share them all are both without a queue.
        """
        for index, one in enumerate(self.publications):
            names = (one.exchange, one.routing_key, one.properties.message_id)
            if self.verdicts[index] is None and names == (returned.exchange, returned.routing_key, message_id):
                self.verdicts[index] = "unroutable"
                self.open -= 1


class _Frames(asyncio.Queue[tuple[int, Any]]):
    """What the connection puts a channel's frames into: deliveries are taken at once, as their last frame comes; all
    others wait here for aiormq's own reader, to which three frames a delivery are three turns."""

    def __init__(self, take: Callable[[commands.Basic.Deliver, ContentHeader, bytes], None]) -> None:
        super().__init__(FRAMES_MAX)
        self._take = take
        self._delivery: commands.Basic.Deliver | None = None
        self._header = ContentHeader()
        self._body: list[bytes] = []
        self._missing = 0

    async def put(self, item: tuple[int, Any]) -> None:
        """Take in one frame. A delivery's are never mixed with others of the channel."""
        frame = item[1]
        if isinstance(frame, commands.Basic.Deliver):
            self._delivery = frame
        elif self._delivery is None:
            await super().put(item)
        elif isinstance(frame, ContentHeader):
            self._header, self._body, self._missing = frame, [], frame.body_size
            self._take_if_complete(self._delivery)
        elif isinstance(frame, ContentBody):
            self._body.append(frame.value)
            self._missing -= len(frame.value)
            self._take_if_complete(self._delivery)
        else:  # the broker closes the channel in the middle of one
            self._delivery = None
            await super().put(item)

    def _take_if_complete(self, delivery: commands.Basic.Deliver) -> None:
        if self._missing <= 0:
            self._delivery = None
            self._take(delivery, self._header, b"".join(self._body))


class BatchChannel(Channel):
    """See `open_batch_channel`."""

    def __init__(self, connector: Any, number: int, *, publisher_confirms: bool) -> None:
        super().__init__(connector, number, publisher_confirms=publisher_confirms)
        self.frames = _Frames(self._deliver)
        self._batches: list[tuple[Batch, asyncio.Future[None]]] = []

    async def consume(self, queue: str, take: Taker, *, no_ack: bool = False) -> str:
        """Hand each delivery from `queue` to `take`, which must not raise; the consumer's tag."""
        tag = f"{self.number}.{uuid4().hex}"
        self.consumers[tag] = cast("ConsumerCallback", take)
        await self.rpc(commands.Basic.Consume(queue=queue, consumer_tag=tag, no_ack=no_ack))
        return tag

    async def publish_batch(self, batch: Batch) -> None:
        """Write the whole batch at once; with publisher confirms, return when each of it has a verdict.

        Cancelled, or failed with aiormq's errors, it leaves the verdicts that came until then: what has none may have
        been published all the same.
        """
        async with self.lock:
            batch.first_tag = self.delivery_tag + 1
            payload = b"".join(frame for one in batch.publications for frame in self._frames(one))
            written: asyncio.Future[None] = self.create_future()
            await self.write_queue.put(ChannelFrame(payload, should_close=False, drain_future=written))
            # From here on the broker counts them, whatever becomes of us.
            self.delivery_tag += len(batch.publications)
            confirmed = self._confirmed(batch)
            await written
        if confirmed is not None:
            await confirmed

    def _confirmed(self, batch: Batch) -> asyncio.Future[None] | None:
        """Done once all of the batch has its verdicts; None where there will be none: aiormq would keep it for ever."""
        if not self.publisher_confirms:
            return None
        confirmed: asyncio.Future[None] = self.create_future()
        self._batches.append((batch, confirmed))
        return confirmed

    def _frames(self, one: Publication) -> list[bytes]:
        header = ContentHeader(body_size=len(one.body), properties=one.properties)
        return [
            _publish_frame(self.number, one.exchange, one.routing_key, one.mandatory),
            pamqp.frame.marshal(header, self.number),
            *(pamqp.frame.marshal(part, self.number) for part in self._split_body(one.body)),
        ]

    def _deliver(self, frame: commands.Basic.Deliver, header: ContentHeader, body: bytes) -> None:
        take = cast("Taker | None", self.consumers.get(frame.consumer_tag or ""))
        if take is not None:
            take(DeliveredMessage(frame, header, body, self))

    async def _on_confirm_frame(self, frame: ConfirmationFrameType) -> None:
        last = frame.delivery_tag or 0
        tags = range(0 if getattr(frame, "multiple", False) else last, last + 1)
        for batch, _ in self._batches:
            batch.settle(tags, "confirmed" if isinstance(frame, commands.Basic.Ack) else "refused")
        self._finish()

    async def _on_return_frame(self, frame: commands.Basic.Return) -> None:
        message = await self._read_content(frame, cast("ContentHeader", await self._get_frame()))
        for batch, _ in self._batches:
            batch.return_(frame, message.header.properties.message_id)
        self._finish()

    def _finish(self) -> None:
        """Wake whoever waits for a batch that has all its verdicts."""
        for batch, confirmed in self._batches:
            if not batch.open and not confirmed.done():
                confirmed.set_result(None)
        self._batches = [pair for pair in self._batches if pair[0].open]


async def open_batch_channel(connection: AbstractConnection, *, publisher_confirms: bool) -> BatchChannel:
    """Open one more channel on aio-pika's `connection`. Raises aiormq's errors."""
    if connection.transport is None:
        raise ConnectionError("the connection to the broker is closed")
    underlay = cast("Any", connection.transport.connection)
    number = max(underlay.channels, default=0) + 1
    channel = BatchChannel(underlay, number, publisher_confirms=publisher_confirms)
    underlay.channels[number] = channel
    await channel.open()
    return channel


@lru_cache(maxsize=ROUTES_KEPT)
def _publish_frame(channel: int, exchange: str, routing_key: str, mandatory: bool) -> bytes:  # noqa: FBT001  as pamqp's
    publish = commands.Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=mandatory)
    return pamqp.frame.marshal(publish, channel)
