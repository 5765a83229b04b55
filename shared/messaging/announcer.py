"""Announces the configuration version that this process runs: `worker.state.v1`, best effort."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.messaging.publisher import Outgoing, Publisher
from shared.messaging.topology import EVENTS, KEY_WORKER_STATE
from shared.schemas.config import WorkerState
from shared.schemas.decoding import schema_name

if TYPE_CHECKING:
    from collections.abc import Callable

ANNOUNCE_EVERY_S = 10.0


class Announcer:
    """Announces `version` whenever `changed` is set, and every ten seconds; while it is None, nothing.

    It only reads what others have swapped already, so no decision and no reply ever waits for an announcement. Changes
    that come while one is being published make one announcement together, of the last of them.
    """

    def __init__(
        self,
        publisher: Publisher,
        *,
        instance: str,
        service: str,
        version: Callable[[], int | None],
        changed: asyncio.Event,
    ) -> None:
        self._publisher = publisher
        self._instance = instance
        self._service = service
        self._version = version
        self._changed = changed

    async def run(self) -> None:
        """Announce until cancelled."""
        while True:
            self._changed.clear()
            version = self._version()
            if version is not None:
                await self._publisher.publish_events([self._announcement(version)])
            with suppress(TimeoutError):
                async with asyncio.timeout(ANNOUNCE_EVERY_S):
                    await self._changed.wait()

    def _announcement(self, version: int) -> Outgoing:
        state = WorkerState(
            instance=self._instance, service=self._service, config_version=version, at=datetime.now(UTC)
        )
        return Outgoing(EVENTS, KEY_WORKER_STATE, state.to_json(), schema_name(state), mandatory=False)
