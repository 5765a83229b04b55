"""A publishing connection of one more sender."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.client.session import broker_settings
from shared.messaging.publisher import Publisher


@asynccontextmanager
async def publishing(url: str) -> AsyncIterator[Publisher]:
    """Connected as the user of `url`, for the length of the block."""
    publisher = Publisher(broker_settings(url), name="one more sender")
    running = asyncio.create_task(publisher.run())
    try:
        yield publisher
    finally:
        running.cancel()
        await asyncio.wait([running])
