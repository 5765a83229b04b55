"""The least that a consumer can do: bare aio-pika, consume and acknowledge each message; nothing is read or written.

`python -m benchmarks.peers.bare_consumer QUEUE`.
"""

from __future__ import annotations

import asyncio

import aio_pika
import uvloop
from aio_pika.abc import AbstractIncomingMessage

from benchmarks.peers.settings import amqp_url, prefetch, queue_name, say_ready


async def main() -> None:
    """Consume until killed."""
    connection = await aio_pika.connect(amqp_url())
    channel = await connection.channel(publisher_confirms=False)
    await channel.set_qos(prefetch_count=prefetch())
    queue = await channel.declare_queue(queue_name(), durable=True, arguments={"x-queue-type": "quorum"})

    async def acknowledge(message: AbstractIncomingMessage) -> None:
        await message.ack()

    await queue.consume(acknowledge)
    say_ready()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
