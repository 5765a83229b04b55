"""Notifications put together from the settings; nothing of it exists, apprise included, where no channel is named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Self

from limits import RateLimitItemPerHour
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from services.config_service.changes import Changes
from services.config_service.notifications.dispatch import Dispatcher
from services.config_service.notifications.lookout import Lookout
from services.config_service.settings import ConfigServiceSettings
from services.config_service.workers import Workers
from shared.database.engine import connect_database
from shared.messaging.parked_counts import ParkedCounts
from shared.notifying import Channels

SLOW_S = Decimal("0.1")
"""The p95 of sizing is to stay below this; one of the bounds that workers count by."""


class Notifications:
    """The two background tasks, and the connection that they look through."""

    def __init__(
        self,
        urls: SecretStr,
        settings: ConfigServiceSettings,
        changes: Changes,
        workers: Workers,
        parked: ParkedCounts,
        *,
        instance: str,
    ) -> None:
        """Raises DeploymentError where a channel's URL cannot be used."""
        self._engine: AsyncEngine = connect_database(
            settings.for_notices(), application=f"{instance} notices", pool="notices"
        )
        limit = RateLimitItemPerHour(settings.notify_per_hour)
        self._dispatcher = Dispatcher(Channels(urls), kinds=settings.notified_kinds, limit=limit)
        self._lookout = Lookout(
            self._engine,
            self._dispatcher,
            news=changes.watch(),
            slow=lambda: workers.slower_than(SLOW_S),
            parked=lambda: parked.counts,
            check_s=settings.notify_check_seconds,
        )

    @classmethod
    def of(
        cls,
        settings: ConfigServiceSettings,
        changes: Changes,
        workers: Workers,
        parked: ParkedCounts,
        *,
        instance: str,
    ) -> Self | None:
        """Those of the settings; None where no channel is named."""
        urls = settings.notify_urls
        return None if urls is None else cls(urls, settings, changes, workers, parked, instance=instance)

    def workers(self) -> dict[str, Callable[[asyncio.Event], Coroutine[None, None, None]]]:
        """What is to run until it is told to stop, by name."""
        return {"notices": self._lookout.run}

    def background(self) -> dict[str, Coroutine[None, None, None]]:
        """What is to run in the background, by name, and to outlive the workers."""
        return {"messages to people": self._dispatcher.run()}

    async def close(self) -> None:
        """Give the connection back, and the duty with it."""
        await self._engine.dispose()
