"""The suites by name, each in a workspace of its own on the servers of the run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.clients import measure_clients
from benchmarks.dial import measure_dial
from benchmarks.memory import MemoryBench
from benchmarks.report import Section
from benchmarks.rows import RowsBench
from benchmarks.sections.clients import clients_section
from benchmarks.sections.dial import dial_section
from benchmarks.sections.memory import memory_section
from benchmarks.sections.rows import rows_section
from benchmarks.sections.sizing import sizing_section
from benchmarks.sections.snapshots import snapshots_section
from benchmarks.sections.stages import stages_section
from benchmarks.sections.workers import workers_section
from benchmarks.sizing import SizingBench
from benchmarks.snapshots import SnapshotBench
from benchmarks.stages import StagesBench
from benchmarks.workers import WorkersBench
from dev.progress import say
from dev.servers.provider import Servers
from dev.stack.stack import Stack
from dev.stack.workspace import workspace

if TYPE_CHECKING:
    from dev.stack.processes import Service


def _dial(provided: Servers, scale: float) -> Section:
    with _stack(provided, {"sync_consumer": 1, "sizing_worker": 1, "config_service": 1}) as stack:
        return dial_section(asyncio.run(measure_dial(stack, scale=scale, say=_say)))


def _sizing(provided: Servers, scale: float) -> Section:
    with _stack(provided, {"sizing_worker": 1, "config_service": 1}) as stack:
        return sizing_section(asyncio.run(SizingBench(stack, scale=scale, say=_say).measure()))


def _clients(provided: Servers, scale: float) -> Section:
    with _stack(provided, {"sizing_worker": 1, "config_service": 1}) as stack:
        return clients_section(asyncio.run(measure_clients(stack, scale=scale, say=_say)))


def _snapshots(provided: Servers, scale: float) -> Section:
    with _stack(provided, {"sync_consumer": 1, "config_service": 1}) as stack:
        return snapshots_section(*asyncio.run(SnapshotBench(stack, scale=scale, say=_say).measure()))


def _workers(provided: Servers, scale: float) -> Section:
    with _stack(provided, {"config_service": 1}) as stack:
        return workers_section(asyncio.run(WorkersBench(stack, scale=scale, say=_say).measure()))


def _rows(provided: Servers, scale: float) -> Section:
    with _stack(provided, {"config_service": 1}) as stack:
        return rows_section(asyncio.run(RowsBench(stack, scale=scale, say=_say).measure()))


def _stages(provided: Servers, scale: float) -> Section:
    with _stack(provided, {"config_service": 1}) as stack:
        return stages_section(asyncio.run(StagesBench(stack, scale=scale, say=_say).measure()))


def _memory(provided: Servers, scale: float) -> Section:
    with _stack(provided, {"sync_consumer": 1, "sizing_worker": 1, "config_service": 1}) as stack:
        return memory_section(asyncio.run(MemoryBench(stack, scale=scale, say=_say).measure()))


SUITES: Mapping[str, Callable[[Servers, float], Section]] = {
    "sizing": _sizing,
    "clients": _clients,
    "workers": _workers,
    "rows": _rows,
    "snapshots": _snapshots,
    "stages": _stages,
    "dial": _dial,
    "memory": _memory,
}
LONG = ("memory",)
"""Takes as long as all the others together: run when it is named, and in short form with them."""


@contextmanager
def _stack(provided: Servers, replicas: Mapping[Service, int]) -> Iterator[Stack]:
    """Services in a workspace of their own; they end before it goes."""
    with workspace(provided) as made:
        stack = Stack(made)
        try:
            stack.start(replicas)
            yield stack
        finally:
            for process in stack.services:
                process.terminate()


def _say(what: str) -> None:
    say(f"  {what} …")
