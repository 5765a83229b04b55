"""The configuration that this process runs: one immutable value, swapped whole, never for an older one."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from services.sizing_worker import store
from shared import metrics
from shared.database.transaction import driver_transaction
from shared.errors import DependencyError
from shared.schemas.config import ConfigChanged
from shared.sizing.configuration import Configuration

log = structlog.get_logger()


class CurrentConfiguration:
    """Holds the newest configuration that was offered. None before the first."""

    def __init__(self) -> None:
        self._current: Configuration | None = None
        self.changed = asyncio.Event()
        """Set after each swap."""

    @property
    def value(self) -> Configuration | None:
        """The configuration to decide by; take it once per decision."""
        return self._current

    @property
    def version(self) -> int | None:
        """The version of that configuration."""
        return self._current.version if self._current else None

    def offer(self, configuration: Configuration) -> None:
        """Take `configuration` if it is newer than what is held."""
        if self._current is not None and configuration.version <= self._current.version:
            return
        self._current = configuration
        self.changed.set()
        metrics.CONFIG_VERSION.set(configuration.version)
        log.info("configuration.changed", config_version=configuration.version)

    def hear(self, changed: ConfigChanged) -> None:
        """Take a broadcast."""
        splits = changed.entry_splits
        self.offer(
            Configuration(
                version=changed.config_version,
                risk_percent=changed.fixed_risk_percent,
                entry_splits=(splits.entry_1_percent, splits.entry_2_percent, splits.entry_3_percent),
                margin_buffer_percent=changed.margin_buffer_percent,
            )
        )

    async def load(self, engine: AsyncEngine) -> None:
        """Take the database's. Raises DependencyError where it is away."""
        async with driver_transaction(engine) as connection:
            self.offer(await store.load_configuration(connection))

    async def reconcile(self, engine: AsyncEngine, *, every_s: float) -> None:
        """Every `every_s` seconds take the database's: what a broadcast that never came would have told."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.load(engine)
            except DependencyError as error:
                log.warning("configuration.not_reconciled", cause=str(error))
