"""What happens in the demo, in its order; and the record of it."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from dev.demo.database import read_accounts
from dev.demo.simulated_accounts import setups, terminals
from dev.demo.simulator import EaBridge, SignalEngine
from dev.waiting import eventually
from shared.client import ConfigClient, SizingClient, SnapshotPublisher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Mapping

    from sqlalchemy.ext.asyncio import AsyncEngine

    from dev.demo.database import AccountRow
    from dev.demo.simulator import Asked
    from shared.schemas.account import AccountSnapshot
    from shared.schemas.config import ConfigResult
    from shared.schemas.sizing import SizingOutcome

RISK_BEFORE, RISK_AFTER = Decimal(3), Decimal("1.5")
SILENT = "finn"
SILENT_FOR = timedelta(seconds=289)
"""Age of the silent account's only snapshot at the start: fresh while the dial stands at 3 %, stale (300 s) later."""
ACCOUNTS_EVERY_S = 0.25
ACCOUNTS_TIMEOUT_S = 10.0
STALE_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Turn:
    """The owner's turn of the dial. `acknowledged_at` by the monotonic clock, in seconds."""

    result: ConfigResult
    acknowledged_at: float
    took_s: float


@dataclass(slots=True)
class Story:
    """What was asked, answered and shown."""

    asked: list[Asked] = field(default_factory=list)
    outcomes: list[SizingOutcome] = field(default_factory=list)
    turn: Turn | None = None
    last_snapshots: dict[str, AccountSnapshot] = field(default_factory=dict)
    published: int = 0

    def before(self) -> list[Asked]:
        """What was asked before the dial was turned."""
        return [asked for asked in self.asked if self.turn is None or asked.asked_at < self.turn.acknowledged_at]

    def after(self) -> list[Asked]:
        """What was asked after the owner had the acknowledgement."""
        return [asked for asked in self.asked if self.turn and asked.asked_at > self.turn.acknowledged_at]


class Show(Protocol):
    """Whoever shows the story while it happens: a live table, or plain lines."""

    def accounts(self, rows: list[AccountRow]) -> None:
        """The accounts are now as `rows`."""

    def tell(self, sentence: str) -> None:
        """What happens next."""

    def decided(self, asked: Asked) -> None:
        """A question was answered."""

    def turned(self, turn: Turn) -> None:
        """The dial was turned."""


class Play:
    """The story, told once. `urls` are the AMQP URLs by role, `token` is the owner's."""

    def __init__(self, urls: Mapping[str, str], token: str, engine: AsyncEngine, show: Show) -> None:
        self._urls = urls
        self._token = token
        self._engine = engine
        self._show = show
        self.story = Story()

    async def run(self) -> Story:
        """Tell it, and return the record. Raises LotwiseError where something fails on the way."""
        async with (
            SnapshotPublisher(self._urls["ea-bridge"], name="demo ea-bridge") as publisher,
            SizingClient(self._urls["signal-engine"], name="demo signal-engine") as sizing,
            ConfigClient(self._urls["owner"], token=self._token, name="demo owner") as owner,
        ):
            bridge = EaBridge(publisher, terminals(), silent=SILENT, silent_for=SILENT_FOR)
            engine = SignalEngine(sizing)
            self._show.tell("the EA bridge reports six accounts; finn's terminal went silent minutes ago")
            await bridge.introduce()
            await eventually(self._all_accounts_known, timeout_s=ACCOUNTS_TIMEOUT_S)
            async with _beside(bridge.run(), self._watch_accounts()):
                await self._rounds(bridge, engine, owner)
            self.story.last_snapshots, self.story.published = bridge.last, bridge.published
        return self.story

    async def _rounds(self, bridge: EaBridge, engine: SignalEngine, owner: ConfigClient) -> None:
        self._show.tell("the signal engine asks how many lots")
        await self._ask_one_by_one(bridge, engine, pause_s=0.5)
        await asyncio.sleep(1)
        bridge.close_all()
        self._show.tell("and again, for the same setups")
        await self._ask_one_by_one(bridge, engine, pause_s=0.25)
        await asyncio.sleep(1.5)
        bridge.close_all()
        await self._turn(owner)
        await asyncio.gather(*(self._ask(bridge, engine, number) for number in range(len(setups()))))
        await asyncio.sleep(2)
        bridge.close_all()
        self._show.tell("once more; finn's account is too old by now")
        await eventually(self._silent_is_stale, timeout_s=STALE_TIMEOUT_S)
        await self._ask_one_by_one(bridge, engine, pause_s=0.25)
        bridge.close_all()
        await asyncio.sleep(1.5)

    async def _ask_one_by_one(self, bridge: EaBridge, engine: SignalEngine, *, pause_s: float) -> None:
        for number in range(len(setups())):
            await self._ask(bridge, engine, number)
            await asyncio.sleep(pause_s)

    async def _ask(self, bridge: EaBridge, engine: SignalEngine, number: int) -> None:
        asked = await engine.ask(setups()[number])
        self.story.asked.append(asked)
        self._show.decided(asked)
        if asked.decision.status == "approved":
            outcome = await engine.report(asked)
            self.story.outcomes.append(outcome)
            if outcome.outcome == "executed":
                bridge.open(asked.decision)

    async def _turn(self, owner: ConfigClient) -> None:
        self._show.tell(f"the owner turns the dial to {RISK_AFTER} %")
        started = time.monotonic()
        result = await owner.set_risk_percent(RISK_AFTER, reason="demo: less risk before the news")
        now = time.monotonic()
        self.story.turn = Turn(result, now, now - started)
        self._show.turned(self.story.turn)

    async def _all_accounts_known(self) -> bool:
        rows = await read_accounts(self._engine)
        self._show.accounts(rows)
        return len(rows) == len(terminals())

    async def _silent_is_stale(self) -> bool:
        rows = await read_accounts(self._engine)
        return any(row.user_id == SILENT and row.sync_status == "stale" for row in rows)

    async def _watch_accounts(self) -> None:
        while True:
            self._show.accounts(await read_accounts(self._engine))
            await asyncio.sleep(ACCOUNTS_EVERY_S)


@asynccontextmanager
async def _beside(*background: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `background` beside the block; its failure ends the block and is raised, the block's end cancels it."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in background]
            yield
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
