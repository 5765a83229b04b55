"""The peer of a sizing request: a bare aio-pika RPC echo on a quorum queue; no database, no checks.

`python -m benchmarks.peers.echo QUEUE`.
"""

from __future__ import annotations

import asyncio

import aio_pika
import uvloop
from aio_pika.abc import AbstractIncomingMessage

from benchmarks.peers.settings import amqp_url, prefetch, queue_name, say_ready


async def main() -> None:
    """Answer every request with its own body, until killed."""
    connection = await aio_pika.connect(amqp_url())
    channel = await connection.channel(publisher_confirms=False)
    await channel.set_qos(prefetch_count=prefetch())
    queue = await channel.declare_queue(queue_name(), durable=True, arguments={"x-queue-type": "quorum"})

    async def echo(message: AbstractIncomingMessage) -> None:
        reply = aio_pika.Message(message.body, correlation_id=message.correlation_id)
        await channel.default_exchange.publish(reply, message.reply_to or "", mandatory=False)
        await message.ack()

    await queue.consume(echo)
    say_ready()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
