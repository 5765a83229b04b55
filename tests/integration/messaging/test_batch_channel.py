"""Deliveries come whole and in their order, of however many frames they are."""

from __future__ import annotations

import asyncio

import aio_pika
from aiormq.abc import DeliveredMessage

from dev.stack.workspace import VirtualHost
from shared.messaging.link import open_link
from tests.integration.messaging.place import settings

FRAME_BYTES = 128 * 1024
"""RabbitMQ's `frame_max`: a larger body comes in several."""
SIZES = (0, 1, FRAME_BYTES - 8, FRAME_BYTES, 3 * FRAME_BYTES, 1, 0)


async def test_each_body_is_whole_and_in_its_place(virtual_host: VirtualHost) -> None:
    bodies = [bytes([number]) * size for number, size in enumerate(SIZES)]
    taken: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
    async with asyncio.timeout(30), open_link(settings(virtual_host.amqp_url), name="test") as link:
        queue = await link.channel.declare_queue(exclusive=True)
        channel = await link.open_batch_channel(publisher_confirms=False)
        await channel.consume(queue.name, taken.put_nowait, no_ack=True)
        for body in bodies:
            await link.channel.default_exchange.publish(aio_pika.Message(body), queue.name)

        assert [(await taken.get()).body for _ in bodies] == bodies
