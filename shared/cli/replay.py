"""`lotwise replay`: is every stored decision what today's engine would decide?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from shared.cli.spans import Meant, OfAccount, Since, Until
from shared.cli.terminal import EXIT_DIFFERENT, clear_failures, say

if TYPE_CHECKING:
    from shared.database.records import StoredDecision
    from shared.sizing.replay import Difference

DIFFERENT_SHOWN = 20
"""Decisions whose differences are told, for each engine version; the others are counted."""


@dataclass(slots=True)
class Replayed:
    """The decisions of one engine version: how many, how many differ, and the first of those in full."""

    decisions: int = 0
    different: int = 0
    shown: list[tuple[str, tuple[Difference, ...]]] = field(default_factory=list)

    def merge(self, other: Replayed) -> None:
        """Take in what came later."""
        self.decisions += other.decisions
        self.different += other.different
        self.shown += other.shown[: DIFFERENT_SHOWN - len(self.shown)]


def replay(since: Since = None, until: Until = None, account: OfAccount = None) -> None:
    """Decide every stored request again, by today's engine, and compare with what was answered, byte for byte.

    Differences are told by the engine version that each record names: of today's version they are errors, of another
    a report. Reads LOTWISE_DATABASE_URL. Exit status 1: a decision of today's engine differs.
    """
    with clear_failures():
        meant = Meant(since=since, until=until, account=account)
        versions, pace = asyncio.run(_replay(meant))
        if not _report(versions, str(pace)):
            raise typer.Exit(EXIT_DIFFERENT)


async def _replay(meant: Meant) -> tuple[dict[int, Replayed], Any]:
    from shared.cli.database import database  # noqa: PLC0415 - SQLAlchemy takes a second to load
    from shared.cli.pages import Pace, work_through  # noqa: PLC0415

    versions: dict[int, Replayed] = {}
    pace = Pace()
    async with database("lotwise replay") as engine:
        async for page in work_through(engine, await meant.span(engine), replay_page, pace):
            for version, replayed in page.items():
                versions.setdefault(version, Replayed()).merge(replayed)
    return versions, pace


def replay_page(page: Sequence[StoredDecision]) -> dict[int, Replayed]:
    """The decisions of a page made again, by the engine version that each record names."""
    from shared.sizing.replay import replay as again  # noqa: PLC0415

    versions: dict[int, Replayed] = {}
    for stored in page:
        differences = again(stored.record, stored.reply)
        shown = [(str(stored.request_id), differences)] if differences else []
        versions.setdefault(stored.engine_version, Replayed()).merge(Replayed(1, len(shown), shown))
    return versions


def _report(versions: dict[int, Replayed], pace: str) -> bool:
    """Say what was found; whether today's engine stands by all of its own decisions."""
    from shared.sizing.decision import ENGINE_VERSION  # noqa: PLC0415

    say(f"replayed by engine version {ENGINE_VERSION}: {pace}; {sum(v.different for v in versions.values())} differ")
    for version, replayed in sorted(versions.items()):
        note = "" if version == ENGINE_VERSION else " (another engine's: a report, not an error)"
        say(f"engine version {version}: {replayed.decisions} decisions, {replayed.different} differ{note}")
        for request_id, differences in replayed.shown:
            for difference in differences:
                say(f"  {request_id}  {difference}")
        if replayed.different > len(replayed.shown):
            say(f"  … and {replayed.different - len(replayed.shown)} decisions more")
    current = versions.get(ENGINE_VERSION)
    return current is None or not current.different
