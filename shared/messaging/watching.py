"""Everything that the services tell of what they do, as it happens: decisions, refusals, versions, workers.

Heard in a private queue as a process hears the broadcast, by a user who may: the operator's. What the listener cannot
keep up with is dropped by the broker, the oldest first; events are best effort anyhow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity

from shared.errors import DependencyError, DeploymentError
from shared.messaging.link import BrokerSettings, Link, broker_errors, keep_connected, open_link
from shared.messaging.topology import (
    CONFIG_CHANGED,
    EVENTS,
    KEY_ACCOUNT_REFUSED,
    KEY_SCHEDULE_ENDED,
    KEY_SIZING_DECIDED,
    KEY_WORKER_STATE,
    broadcast_name,
)
from shared.schemas.account import AccountRefused
from shared.schemas.config import ConfigChanged, Schedule, WorkerState
from shared.schemas.decoding import decode
from shared.schemas.sizing import SizingDecision

if TYPE_CHECKING:
    from collections.abc import Callable

    from aio_pika.abc import AbstractIncomingMessage

Event = SizingDecision | AccountRefused | ConfigChanged | Schedule | WorkerState

ACCEPTS = frozenset(
    {"sizing.decision.v1", "account.refused.v1", "config.changed.v1", "schedule.ended.v1", "worker.state.v1"}
)
HEARD_KEYS = (KEY_SIZING_DECIDED, KEY_ACCOUNT_REFUSED, KEY_SCHEDULE_ENDED, KEY_WORKER_STATE)
WAITING_MAX = 10_000
"""Events that wait for the listener at the broker."""
PREFETCH = 200


class EventListener:
    """Hands every event to `hear`, and tells by `connected` when it begins to; neither may raise or block for long."""

    def __init__(
        self, settings: BrokerSettings, *, hear: Callable[[Event], None], connected: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._hear = hear
        self._connected = connected

    async def run(self) -> None:
        """Listen until cancelled, over as many connections as it takes.

        Raises DeploymentError where this user may not, or there is nothing to listen to.
        """
        await keep_connected(self._session, role="watch")

    async def _session(self) -> None:
        async with open_link(self._settings, name="lotwise watch") as link:
            await self._subscribe(link)
            self._connected()
            await link.lost.wait()
        raise DependencyError(f"the connection to the broker was lost: {link.cause}")

    async def _subscribe(self, link: Link) -> None:
        try:
            async with broker_errors(self._settings.amqp_timeout_seconds):
                await link.channel.set_qos(prefetch_count=PREFETCH)
                queue = await link.channel.declare_queue(
                    broadcast_name(f"watch.{uuid4().hex[:8]}"),
                    durable=False,
                    exclusive=True,
                    auto_delete=True,
                    arguments={"x-max-length": WAITING_MAX},
                )
                await queue.bind(CONFIG_CHANGED)
                for key in HEARD_KEYS:
                    await queue.bind(EVENTS, key)
                await queue.consume(self._take)
        except DependencyError as error:
            if isinstance(error.__cause__, ChannelAccessRefused):
                raise DeploymentError(
                    f"LOTWISE_AMQP_URL: user {self._settings.user!r} may not hear the events; the operator's may"
                ) from None
            if isinstance(error.__cause__, ChannelNotFoundEntity):
                raise DeploymentError("the broker lacks an exchange of ours; run `lotwise topology`") from None
            raise

    async def _take(self, message: AbstractIncomingMessage) -> None:
        content = decode(message.type, message.body, ACCEPTS)
        if isinstance(content, Event):
            self._hear(content)
        async with broker_errors(self._settings.amqp_timeout_seconds):
            await message.ack()
