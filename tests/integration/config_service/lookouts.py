"""Replicas that look out for what people want to be told, each with a dispatcher of its own, at one webhook."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from limits import RateLimitItemPerHour
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from services.config_service.latency import SlowMessages
from services.config_service.notifications.dispatch import Dispatcher
from services.config_service.notifications.lookout import Lookout
from shared.notifying import Channels
from tests.integration.notifying.webhook import Webhook

EVERYTHING = frozenset({"change", "schedule", "parked", "condition"})
NEVER_S = 3600.0
OFTEN_S = 0.05


class Replica:
    """One that looks, and sends what it found."""

    def __init__(self, lookout: Lookout, dispatcher: Dispatcher) -> None:
        self._stop = asyncio.Event()
        self._looking = asyncio.create_task(lookout.run(self._stop))
        self._sending = asyncio.create_task(dispatcher.run())

    def ask_to_stop(self) -> None:
        """Ask it to end in an orderly way."""
        self._stop.set()

    async def ended(self) -> None:
        """Return once it has."""
        await self._looking

    async def kill(self) -> None:
        """End it wherever it is, and its connection with it."""
        self._looking.cancel()
        self._sending.cancel()
        await asyncio.wait([self._looking, self._sending])

    def still_runs(self) -> bool:
        """Whether it looks still."""
        return not self._looking.done()


@asynccontextmanager
async def looking(
    engine: AsyncEngine,
    hook: Webhook,
    *,
    kinds: frozenset[str] = EVERYTHING,
    check_s: float = NEVER_S,
    slow: SlowMessages | None = None,
    parked: Callable[[], Mapping[str, int] | None] = dict,
) -> AsyncIterator[Replica]:
    """A replica for the length of the block. `check_s`: how often it looks at figures and parked messages."""
    dispatcher = Dispatcher(Channels(SecretStr(hook.url)), kinds=kinds, limit=RateLimitItemPerHour(50))
    lookout = Lookout(
        engine,
        dispatcher,
        news=asyncio.Event(),
        slow=lambda: slow,
        parked=parked,
        check_s=check_s,
        look_s=OFTEN_S,
    )
    replica = Replica(lookout, dispatcher)
    try:
        yield replica
    finally:
        await replica.kill()
