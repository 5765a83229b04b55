"""The people around Lotwise while something breaks: they go on, ask again where no answer came, and keep the books."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from dev.waiting import eventually
from shared.client.envelope import snapshot_message
from shared.client.session import broker_settings
from shared.client.sizing import SizingClient
from shared.errors import DependencyError
from shared.messaging.publisher import Outgoing, Publisher
from shared.schemas.sizing import SizingRequest
from tests import builders
from tests.faults.counts import Asked, Sent

ACCOUNTS = 20
ASKERS = 8
ATTEMPT_S = 3.0
"""How long an answer is awaited before the same request is sent again."""
PATIENCE_S = 120.0
"""How long a request is sent again and again before its sender gives up: longer than any fault here."""
PAUSE_S = 0.05
REPEATED = 50
"""So many of the answered requests are sent once more at the end."""
SNAPSHOT_EVERY_S = 0.02
BALANCE = Decimal(100_000)


class Traffic:
    """An EA bridge and a signal engine at work, until told to stop."""

    def __init__(self, bridge_url: str, engine_url: str) -> None:
        self._bridge = Publisher(broker_settings(bridge_url), name="bridge")
        self._engine = SizingClient(engine_url)
        self._numbers = itertools.count(1)
        self._stopping = asyncio.Event()
        self.reporting = asyncio.Event()
        """While it is cleared the bridge reports nothing; what it has published already is under way."""
        self.reporting.set()
        self.requests: list[Asked] = []
        self.snapshots: list[Sent] = []
        self.answered_at: list[float] = []
        """When each answer came, by the monotonic clock."""

    async def _report_all_the_time(self) -> None:
        for number in itertools.cycle(range(ACCOUNTS)):
            if self._stopping.is_set():
                return
            await self.reporting.wait()
            await self.report(login=number + 1)
            await asyncio.sleep(SNAPSHOT_EVERY_S)

    async def report(self, login: int) -> Sent:
        """Publish one newer snapshot of an account."""
        return await self.publish(*self.new_snapshot(login))

    async def publish(self, sent: Sent, message: Outgoing) -> Sent:
        """Publish what `new_snapshot` made."""
        with suppress(DependencyError):  # a newer one follows
            await self._bridge.publish(message)
            sent.confirmed = True
        return sent

    def new_snapshot(self, login: int, *, captured_at: datetime | None = None) -> tuple[Sent, Outgoing]:
        """A snapshot that differs from all before it, entered in the books, and the message to publish it by."""
        balance = BALANCE + next(self._numbers)
        snapshot = builders.snapshot(
            user_id=f"u-{login}",
            login=login,
            balance=f"{balance}.00",
            equity=f"{balance}.00",
            margin_free="1000000000.00",
            captured_at=(captured_at or datetime.now(UTC)).isoformat(),
        )
        message = snapshot_message(snapshot)
        sent = Sent(UUID(message.message_id), login, snapshot.captured_at, snapshot.balance)
        self.snapshots.append(sent)
        return sent, message

    def confirmed_snapshots(self) -> int:
        """How many the broker has confirmed so far."""
        return sum(sent.confirmed for sent in self.snapshots)

    async def _ask_all_the_time(self) -> None:
        while not self._stopping.is_set():
            await self.ask(setup(next(self._numbers) % ACCOUNTS + 1))
            await asyncio.sleep(PAUSE_S)

    async def ask(self, request: SizingRequest) -> Asked:
        """Ask until there is an answer, with the same request each time; AssertionError where none ever comes."""
        asked = Asked(request)
        self.requests.append(asked)
        deadline = time.monotonic() + PATIENCE_S
        while not await self._try(asked):
            assert time.monotonic() < deadline, f"nobody answered {asked.request_id} in {PATIENCE_S:g} s"
            await asyncio.sleep(PAUSE_S)
            asked.answered_at_once = False
        return asked

    async def ask_by_one_call(self, request: SizingRequest) -> Asked:
        """Ask once, and let the client send it again as often as it takes."""
        asked = Asked(request, answered_at_once=False)
        self.requests.append(asked)
        asked.replies.append(await self._engine.size(request, timeout_s=PATIENCE_S))
        return asked

    async def _try(self, asked: Asked) -> bool:
        try:
            asked.replies.append(await self._engine.size(asked.request, timeout_s=ATTEMPT_S))
        except DependencyError:
            return False
        self.answered_at.append(time.monotonic())
        return True

    async def ask_once_more(self) -> None:
        """Send some of what was answered once more: the answer must be the same."""
        answered = [one for one in self.requests if one.replies]
        for one in answered[:: max(len(answered) // REPEATED, 1)]:
            await self._try(one)

    async def until_answered(self, more: int, *, timeout_s: float = 60.0) -> None:
        """Return once so many more requests were answered."""
        wanted = len(self.answered_at) + more

        async def look() -> bool:
            return len(self.answered_at) >= wanted

        await eventually(look, timeout_s=timeout_s)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Connected for the length of the block, and at work only as far as asked to."""
        async with AsyncExitStack() as stack:
            bridge = asyncio.create_task(self._bridge.run())
            stack.push_async_callback(_cancelled, bridge)
            await stack.enter_async_context(self._engine)
            yield

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """At work for the length of the block; at its end everything that was asked for is awaited."""
        async with self.connected():
            working = [asyncio.create_task(self._report_all_the_time())]
            working += [asyncio.create_task(self._ask_all_the_time()) for _ in range(ASKERS)]
            try:
                yield
            finally:
                self._stopping.set()
                self.reporting.set()
                await asyncio.gather(*working)
            await self.ask_once_more()


def setup(login: int) -> SizingRequest:
    """A new setup for an account, to be decided whenever it is read."""
    return builders.request(
        user_id=f"u-{login}",
        instrument="EURUSD",
        entries=[builders.entry("1.10000", "1.09500")],
        # Refused as expired it would be decided too, but nobody wants to wait for that.
        expires_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    )


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
