"""The peer of a sizing request: a bare aio-pika RPC echo on a quorum queue; no database, no checks.

`python -m benchmarks.peers.echo QUEUE`, the broker by LOTWISE_AMQP_URL.
"""

from __future__ import annotations

import asyncio
import os
import sys

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

PREFETCH = 200


async def main(queue_name: str) -> None:
    """Answer every request with its own body, until killed."""
    connection = await aio_pika.connect(os.environ["LOTWISE_AMQP_URL"])
    channel = await connection.channel(publisher_confirms=False)
    await channel.set_qos(prefetch_count=PREFETCH)
    queue = await channel.declare_queue(queue_name, durable=True, arguments={"x-queue-type": "quorum"})

    async def echo(message: AbstractIncomingMessage) -> None:
        reply = aio_pika.Message(message.body, correlation_id=message.correlation_id)
        await channel.default_exchange.publish(reply, message.reply_to or "", mandatory=False)
        await message.ack()

    await queue.consume(echo)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
