"""Working through many stored decisions: on every processor, page by page, with a bar where there is a terminal.

The memory is that of a few pages, however many decisions there are.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.cli.terminal import error_console
from shared.database.records import Span, StoredDecision, count_records, read_records

PageT = TypeVar("PageT")
Page = Sequence[StoredDecision]

PROCESSES_FROM = 5000
"""Decisions from which on the second that a process takes to start is won back."""


@dataclass(slots=True)
class Pace:
    """How many decisions were worked through, and in which time."""

    decisions: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        rate = self.decisions / self.seconds if self.seconds else 0.0
        return f"{self.decisions} decisions in {self.seconds:.1f} s, {rate:.0f}/s"


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:.0f}/s")


async def work_through(
    engine: AsyncEngine, span: Span, work: Callable[[Page], PageT], pace: Pace
) -> AsyncIterator[PageT]:
    """What `work`, a function that can be pickled, makes of each page, in their order. Keeps `pace`."""
    started = perf_counter()
    expected = await count_records(engine, span)
    with _progress() as progress, _executor(expected) as executor:
        bar = progress.add_task("decisions", total=expected)
        async for rows, result in _in_order(read_records(engine, span), work, executor):
            pace.decisions += rows
            pace.seconds = perf_counter() - started
            progress.update(bar, completed=pace.decisions)
            yield result
    pace.seconds = perf_counter() - started


async def _in_order(
    pages: AsyncIterator[Page], work: Callable[[Page], PageT], executor: Executor
) -> AsyncIterator[tuple[int, PageT]]:
    """Results with their number of rows; one page more than there are processors is under way at a time."""
    loop = asyncio.get_running_loop()
    under_way: deque[tuple[int, asyncio.Future[PageT]]] = deque()
    async for page in pages:
        under_way.append((len(page), loop.run_in_executor(executor, work, page)))
        if len(under_way) > _processors():
            rows, result = under_way.popleft()
            yield rows, await result
    for rows, result in under_way:
        yield rows, await result


def _executor(expected: int) -> Executor:
    """A process for each processor; a thread, which starts at once, for what takes a few seconds."""
    if expected < PROCESSES_FROM:
        return ThreadPoolExecutor(1)
    # Spawned: a forked process would share our connections to the database.
    return ProcessPoolExecutor(_processors(), mp_context=multiprocessing.get_context("spawn"))


def _processors() -> int:
    return len(os.sched_getaffinity(0))


def _progress() -> Progress:
    """A bar on standard error; nothing where that is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    console = error_console()
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
