"""A service's memory, before and after a million messages.

Snapshots and sizing requests come at the same time, a million of each; and as long as that takes the dial is read by
one caller without a pause, and turned at every hundredth call.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.broker_counter import BrokerCounter
from benchmarks.dial import get_config, owners_client, post_risk
from benchmarks.filling import Snapshots, fill
from benchmarks.load import Say
from benchmarks.population import populate
from benchmarks.processes import run_client
from benchmarks.sizing import ACCOUNTS, sizing_plan
from benchmarks.snapshots import snapshots_in
from dev.stack.processes import Service
from dev.stack.stack import Stack

MESSAGES = 1_000_000
MESSAGES_QUICK = 10_000
PARTS = 20
LIVE = 200_000
"""Reservations at the start."""
CHUNK_S, CHUNK_S_QUICK = 20.0, 2.0
CALLS_A_MOMENT, CALLS_A_TURN = 1_000, 100
KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Moment:
    """After so many messages: a process's resident memory, in bytes."""

    messages: int
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class MemoryFigures:
    """The moments of each service, by its name."""

    moments: Mapping[str, list[Moment]]

    def growth(self, service: str) -> float:
        """By how much it grew since a twentieth of the messages had passed, as a fraction."""
        moments = self.moments[service]
        warm = next(moment for moment in moments if moment.messages * PARTS >= moments[-1].messages)
        return moments[-1].rss_bytes / warm.rss_bytes - 1

    def most_mib(self, service: str) -> float:
        """The most it ever took, in MiB."""
        return max(moment.rss_bytes for moment in self.moments[service]) / MIB


class MemoryBench:
    """Measures on a stack with one of each service."""

    def __init__(self, stack: Stack, *, scale: float, say: Say) -> None:
        self._stack = stack
        self._workspace = stack.workspace
        self._say = say
        self._messages = MESSAGES if scale >= 1 else MESSAGES_QUICK
        self._plan = replace(sizing_plan(stack.workspace, scale=scale), warm_up_s=0.0)
        self._plan = replace(self._plan, seconds=CHUNK_S if scale >= 1 else CHUNK_S_QUICK)
        self._pids = {process.service: process.pid for process in stack.services}

    async def measure(self) -> MemoryFigures:
        """All at once, until both consumers have had their messages."""
        await populate(self._workspace.database_url, accounts=ACCOUNTS, reservations=LIVE)
        async with BrokerCounter(self._workspace.servers.metrics_url) as counter:
            since = await counter.read()
            enough = asyncio.Event()
            calling = asyncio.create_task(self._calls(enough))
            synced, sized = await asyncio.gather(self._snapshots(), self._requests())
            await counter.follow(synced[-1].messages + sized[-1].messages, since=since)
            enough.set()
            called = await calling
        synced.append(self._moment("sync_consumer", synced[-1].messages))
        return MemoryFigures({"sync_consumer": synced, "sizing_worker": sized, "config_service": called})

    async def _snapshots(self) -> list[Moment]:
        moments = [self._moment("sync_consumer", 0)]
        part = self._messages // PARTS
        for number in range(PARTS):
            await fill(snapshots_in(self._workspace), Snapshots(part, ACCOUNTS))
            moments.append(self._moment("sync_consumer", (number + 1) * part))
            self._say(f"{moments[-1].messages} snapshots: {moments[-1].rss_bytes / MIB:.1f} MiB")
        return moments

    async def _requests(self) -> list[Moment]:
        moments = [self._moment("sizing_worker", 0)]
        while moments[-1].messages < self._messages:
            outcome = await run_client(self._plan)
            moments.append(self._moment("sizing_worker", moments[-1].messages + outcome.asked))
            self._say(f"{moments[-1].messages} requests: {moments[-1].rss_bytes / MIB:.1f} MiB")
        return moments

    async def _calls(self, enough: asyncio.Event) -> list[Moment]:
        moments = [self._moment("config_service", 0)]
        async with owners_client(self._stack) as owner:
            for number in itertools.count(1):
                await (get_config(owner) if number % CALLS_A_TURN else post_risk(owner, number // CALLS_A_TURN))
                if number % CALLS_A_MOMENT == 0 or enough.is_set():
                    moments.append(self._moment("config_service", number))
                if enough.is_set():
                    break
        return moments

    def _moment(self, service: Service, messages: int) -> Moment:
        return Moment(messages, rss_bytes(self._pids[service]))


def rss_bytes(pid: int) -> int:
    """Resident memory of a running process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * KIB for line in lines if line.startswith("VmRSS:"))
