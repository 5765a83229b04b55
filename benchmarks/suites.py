"""The suites, each on a stack of its own: name → sections of the page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from benchmarks.dial import measure_dial
from benchmarks.report import Section
from benchmarks.sections.dial import dial_section
from benchmarks.sections.sizing import sizing_section
from benchmarks.sections.snapshots import snapshots_section
from benchmarks.sizing import SizingBench
from benchmarks.snapshots import SnapshotBench
from dev.progress import say, step
from dev.servers.provider import servers
from dev.stack.stack import Stack
from dev.stack.workspace import make_workspace
from dev.tree import run_folder

if TYPE_CHECKING:
    from dev.stack.processes import Service


def _dial(scale: float) -> Section:
    with _stack({"sync_consumer": 1, "sizing_worker": 1, "config_service": 1}) as stack:
        return dial_section(asyncio.run(measure_dial(stack, scale=scale, say=_say)))


def _sizing(scale: float) -> Section:
    with _stack({"sizing_worker": 1, "config_service": 1}) as stack:
        return sizing_section(asyncio.run(SizingBench(stack, scale=scale, say=_say).measure()))


def _snapshots(scale: float) -> Section:
    with _stack({"sync_consumer": 1, "config_service": 1}) as stack:
        return snapshots_section(*asyncio.run(SnapshotBench(stack, scale=scale, say=_say).measure()))


SUITES: Mapping[str, Callable[[float], Section]] = {"sizing": _sizing, "snapshots": _snapshots, "dial": _dial}


@contextmanager
def _stack(replicas: Mapping[Service, int]) -> Iterator[Stack]:
    with ExitStack() as at_end:
        provided = at_end.enter_context(servers(allow_containers=False))
        with step("stack"):
            stack = Stack(make_workspace(provided))
            stack.start(replicas, logs=run_folder() / "logs")
        yield stack


def _say(what: str) -> None:
    say(f"  {what} …")
