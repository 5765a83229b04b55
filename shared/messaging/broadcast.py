"""The private queue in which a process hears of every new configuration, on a connection of its own; and, where it
asks for them, of the versions that the others run and of how long their messages take.

Exclusive and gone with its connection, under a fresh name each time: the old one may still be locked by its own
ghost. What is broadcast between two connections is lost, so whoever subscribes loads the configuration after each
subscription.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from shared import metrics
from shared.errors import DependencyError
from shared.messaging.link import BrokerSettings, broker_errors, keep_connected, open_link
from shared.messaging.topology import CONFIG_CHANGED, EVENTS, KEY_WORKER_LATENCY, KEY_WORKER_STATE, broadcast_name
from shared.schemas.config import ConfigChanged, WorkerState
from shared.schemas.decoding import InvalidMessage, decode
from shared.schemas.latency import WorkerLatency

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aio_pika.abc import AbstractIncomingMessage

log = structlog.get_logger()

ACCEPTS = frozenset({"config.changed.v1", "worker.state.v1", "worker.latency.v1"})


class BroadcastListener:
    """Hands every broadcast configuration to `changed`, and awaits `subscribed` after each (re)connection.

    Where `announced` is given, it gets what every process announces of itself, and `measured` how long its messages
    take. None of them may raise or block.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        instance: str,
        subscribed: Callable[[], Awaitable[None]],
        changed: Callable[[ConfigChanged], None],
        announced: Callable[[WorkerState], None] | None = None,
        measured: Callable[[WorkerLatency], None] | None = None,
    ) -> None:
        self._settings = settings
        self._instance = instance
        self._subscribed = subscribed
        self._changed = changed
        self._announced = announced
        self._measured = measured
        self.listening = False
        """Whether a broadcast would reach us now."""

    async def run(self) -> None:
        """Listen until cancelled."""
        await keep_connected(self._session, role="broadcast")

    async def _session(self) -> None:
        async with open_link(self._settings, name=f"{self._instance} broadcast") as link:
            name = broadcast_name(f"{self._instance}.{uuid4().hex[:8]}")
            async with broker_errors(self._settings.amqp_timeout_seconds):
                queue = await link.channel.declare_queue(name, durable=False, exclusive=True, auto_delete=True)
                await queue.bind(CONFIG_CHANGED)
                if self._announced:
                    await queue.bind(EVENTS, KEY_WORKER_STATE)
                if self._measured:
                    await queue.bind(EVENTS, KEY_WORKER_LATENCY)
                await queue.consume(self._hear, no_ack=True)
            try:
                await self._subscribed()
                self._mark(listening=True)
                await link.lost.wait()
            finally:
                self._mark(listening=False)
        raise DependencyError(f"the broadcast link was lost: {link.cause}")

    async def _hear(self, message: AbstractIncomingMessage) -> None:
        content = decode(message.type, message.body, ACCEPTS)
        if isinstance(content, ConfigChanged):
            self._changed(content)
        elif isinstance(content, WorkerState) and self._announced:
            self._announced(content)
        elif isinstance(content, WorkerLatency) and self._measured:
            self._measured(content)
        elif isinstance(content, InvalidMessage):
            log.error("broadcast.invalid", type=message.type, errors=[error.message for error in content.errors])

    def _mark(self, *, listening: bool) -> None:
        self.listening = listening
        metrics.BROKER_CONNECTED.labels("broadcast").set(listening)
