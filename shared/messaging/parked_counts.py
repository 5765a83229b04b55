"""How many messages are parked, by work queue: asked again and again, so that whoever wants to know need not ask.

A passive declare tells a queue's count and takes no permission on it: who may see how many there are need not be able
to read, purge or bind anything. Later brokers (RabbitMQ 4.2.6, and from 4.3 on) refuse it to who has no permission on
the queue. The count of a quorum queue lags by up to five seconds, and leaves out what an operator holds while looking
through it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from aiormq.exceptions import ChannelAccessRefused

from shared.errors import DependencyError
from shared.messaging.link import BrokerSettings, Link, broker_errors, keep_connected, open_link
from shared.messaging.topology import WORK_QUEUES, parked_name

if TYPE_CHECKING:
    from collections.abc import Mapping

log = structlog.get_logger()

COUNT_EVERY_S = 5.0
WHAT_TO_DO = (
    "parked messages are neither shown nor told of by this process: watch the queues `lotwise.….dead` by the broker's"
    " own metrics, or `lotwise dead list`"
)


class ParkedCounts:
    """The last counts; `counts` is None while the broker does not answer, and for good where it refuses to tell."""

    def __init__(self, settings: BrokerSettings, *, instance: str, every_s: float = COUNT_EVERY_S) -> None:
        self._settings = settings
        self._instance = instance
        self._every_s = every_s
        self.counts: Mapping[str, int] | None = None
        """Messages parked, by the work queue that they died in."""

    async def run(self) -> None:
        """Count until cancelled; where the broker refuses to tell, say so once and count no more."""
        await keep_connected(self._session, role="parked")
        await asyncio.Event().wait()  # a task that ends by itself would stop the process

    async def _session(self) -> None:
        async with open_link(self._settings, name=f"{self._instance} parked") as link:
            try:
                while not link.lost.is_set():
                    self.counts = {queue.name: await self._count(link, queue.name) for queue in WORK_QUEUES}
                    await _lost_within(link, self._every_s)
            except DependencyError as error:
                if not isinstance(error.__cause__, ChannelAccessRefused):
                    raise
                log.warning("parked_counts.refused", cause=str(error), what_to_do=WHAT_TO_DO)
                return
            finally:
                self.counts = None
        raise DependencyError(f"the link that counts parked messages was lost: {link.cause}")

    async def _count(self, link: Link, queue: str) -> int:
        async with broker_errors(self._settings.amqp_timeout_seconds):
            declared = await link.channel.declare_queue(parked_name(queue), passive=True)
        return declared.declaration_result.message_count or 0


async def _lost_within(link: Link, wait_s: float) -> None:
    try:
        async with asyncio.timeout(wait_s):
            await link.lost.wait()
    except TimeoutError:
        return
