"""The outbox relay: broadcasts every version once it is committed, in order, again until the broker has confirmed it.

A version may be broadcast twice, by two replicas or after a crash: who listens takes newer versions only.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from uuid import NAMESPACE_URL, uuid5

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from services.config_service import store
from services.config_service.counts import OUTBOX_AGE, OUTBOX_PENDING
from shared.database.transaction import transaction
from shared.errors import DependencyError
from shared.messaging.publisher import Outgoing, Publisher
from shared.messaging.topology import CONFIG_CHANGED
from shared.schemas.config import ConfigChanged
from shared.schemas.decoding import schema_name

log = structlog.get_logger()

POLL_S = 1.0
"""The longest that a version waits whose committer could not wake us: another replica, or one that died."""
PAGE_SIZE = 100


class Relay:
    """Empties the outbox whenever `wake` is set, and once a second."""

    def __init__(self, engine: AsyncEngine, publisher: Publisher, *, wake: asyncio.Event) -> None:
        self._engine = engine
        self._publisher = publisher
        self._wake = wake
        self._oldest_since: float | None = None
        # Asked for whenever the metrics are read: it grows while we wait for a broker or a database that is away.
        OUTBOX_AGE.set_function(self._oldest_age_s)

    async def run(self) -> None:
        """Relay until cancelled. What fails is tried again at the next turn."""
        while True:
            self._wake.clear()
            try:
                await self._empty()
            except DependencyError as error:
                log.warning("relay.delayed", cause=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()

    async def _empty(self) -> None:
        while (outbox := await self._read()).versions:
            for config in outbox.versions:
                await self._relay(config)

    async def _read(self) -> store.Outbox:
        async with transaction(self._engine) as connection:
            outbox = await store.read_outbox(connection, limit=PAGE_SIZE)
        OUTBOX_PENDING.set(outbox.pending)
        self._oldest_since = time.monotonic() - outbox.oldest_age_s if outbox.pending else None
        return outbox

    def _oldest_age_s(self) -> float:
        return time.monotonic() - self._oldest_since if self._oldest_since is not None else 0.0

    async def _relay(self, config: ConfigChanged) -> None:
        # Published outside of any transaction: a slow broker must not hold a database connection.
        await self._publisher.publish(_broadcast(config))
        async with transaction(self._engine) as connection:
            await store.delete_outbox(connection, config.config_version)
        log.info("configuration.broadcast", config_version=config.config_version)


def _broadcast(config: ConfigChanged) -> Outgoing:
    return Outgoing(
        CONFIG_CHANGED,
        "",
        config.to_json(),
        schema_name(config),
        message_id=str(uuid5(NAMESPACE_URL, f"lotwise:config.changed:{config.config_version}")),
        mandatory=False,  # with no worker running, nobody has to hear it
    )
