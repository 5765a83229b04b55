"""The watchdog of a consumer: connected, registered, and yet nothing comes while its queue fills."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from shared import metrics
from shared.errors import DependencyError
from shared.messaging.link import Link, broker_errors

if TYPE_CHECKING:
    from aio_pika.abc import AbstractChannel

    from shared.messaging.inbox import Inbox

log = structlog.get_logger()


async def watch_for_stall(link: Link, inbox: Inbox, queue: str, *, every_s: float, timeout_s: float) -> None:
    """Lose the link where messages are ready at two looks in a row and none has come to an idle consumer in between.

    Twice, because a quorum queue's count lags by up to five seconds: two intervals must be longer than that. A broker
    that does not answer within `timeout_s` on the consuming connection loses the link too. Runs until then, or until
    cancelled.

    RabbitMQ 3.10 often does not tell who consumed a queue that is deleted and made again at once, and still counts it
    as the new one's consumer.
    """
    try:
        async with broker_errors(timeout_s):
            channel = await link.connection.channel(publisher_confirms=False)
        await _until_stalled(channel, inbox, queue, every_s=every_s, timeout_s=timeout_s)
    except DependencyError as error:
        link.lose(error)
        return
    metrics.CONSUMER_STALLS.labels(queue).inc()
    log.error("consumer.stalled", queue=queue, received=inbox.received)
    link.lose("messages are ready, and none is delivered")


async def _until_stalled(
    channel: AbstractChannel, inbox: Inbox, queue: str, *, every_s: float, timeout_s: float
) -> None:
    looks_in_vain = 0
    while looks_in_vain < 2:
        received = inbox.received
        await asyncio.sleep(every_s)
        async with broker_errors(timeout_s):
            declared = await channel.declare_queue(queue, passive=True)
        ready = declared.declaration_result.message_count or 0
        is_idle = inbox.is_idle and inbox.received == received
        looks_in_vain = looks_in_vain + 1 if ready and is_idle else 0
