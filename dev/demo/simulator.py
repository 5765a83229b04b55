"""Who talks to Lotwise: an EA bridge that keeps accounts alive, and a signal engine that asks for sizes.

Both use the clients of `shared.client`, each as its own broker user.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from shared.schemas.sizing import SizingOutcome, SizingRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dev.demo.simulated_accounts import Setup, Terminal
    from shared.client import SizingClient, SnapshotPublisher
    from shared.schemas.account import AccountSnapshot
    from shared.schemas.sizing import SizingDecision

SNAPSHOT_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and its answer. `asked_at` and `took_s` by the monotonic clock, in seconds."""

    setup: Setup
    request: SizingRequest
    decision: SizingDecision
    asked_at: float
    took_s: float


class EaBridge:
    """Publishes what the terminals show, every second; of `silent` users only once, from `silent_for` ago."""

    def __init__(
        self, publisher: SnapshotPublisher, terminals: Iterable[Terminal], *, silent: str, silent_for: timedelta
    ) -> None:
        self._publisher = publisher
        self._terminals = {terminal.user: terminal for terminal in terminals}
        self._silent = silent
        self._silent_for = silent_for
        self.last: dict[str, AccountSnapshot] = {}
        """The newest snapshot that the broker has confirmed, by user."""
        self.published = 0
        """Messages that the broker has confirmed."""

    async def introduce(self) -> None:
        """Publish each account's instruments, then its first snapshot."""
        now = datetime.now(UTC)
        for terminal in self._terminals.values():
            if (instruments := terminal.instruments(now)) is not None:
                await self._publisher.publish_instruments(instruments)
                self.published += 1
        await self._report(self._terminals[self._silent], now - self._silent_for)
        await self.report()

    async def run(self) -> None:
        """Publish a snapshot of every account that is not silent, every second, until cancelled."""
        while True:
            await asyncio.sleep(SNAPSHOT_EVERY_S)
            await self.report()

    async def report(self) -> None:
        """Publish one snapshot of every account that is not silent."""
        now = datetime.now(UTC)
        talking = [terminal for user, terminal in self._terminals.items() if user != self._silent]
        await asyncio.gather(*(self._report(terminal, now) for terminal in talking))

    def open(self, decision: SizingDecision) -> None:
        """Open the positions of an approved decision on its account."""
        terminal = self._terminals[decision.user_id or ""]
        terminal.opened += [(position.volume, position.margin_required) for position in decision.positions]

    def close_all(self) -> None:
        """Close every position that was opened by `open`."""
        for terminal in self._terminals.values():
            terminal.opened.clear()

    async def _report(self, terminal: Terminal, at: datetime) -> None:
        snapshot = terminal.snapshot(at)
        await self._publisher.publish(snapshot)
        self.last[terminal.user] = snapshot
        self.published += 1


class SignalEngine:
    """Asks for sizes, and tells what became of what was approved."""

    def __init__(self, client: SizingClient) -> None:
        self._client = client

    async def ask(self, setup: Setup) -> Asked:
        """Ask how many lots for `setup`, as a new request."""
        request = SizingRequest(
            request_id=uuid4(),
            user_id=setup.user,
            setup_id=f"{setup.user}-{setup.instrument.lower()}",
            instrument=setup.instrument,
            side=setup.side,
            entries=setup.entries,
            conversion_rates=setup.conversion_rates,
        )
        asked_at = time.monotonic()
        decision = await self._client.size(request)
        return Asked(setup, request, decision, asked_at, time.monotonic() - asked_at)

    async def report(self, asked: Asked) -> SizingOutcome:
        """Tell what became of an approved setup."""
        outcome = SizingOutcome(
            request_id=asked.request.request_id,
            outcome="executed" if asked.setup.executed else "cancelled",
            occurred_at=datetime.now(UTC),
        )
        await self._client.report(outcome)
        return outcome
