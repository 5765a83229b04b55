"""The life of a service process: wait for what it needs, run its named tasks, drain on SIGTERM, say why it ended."""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import signal
import socket
import sys
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import stamina
import structlog
import uvloop
from pydantic import Field

from shared import __version__, metrics
from shared.errors import DependencyError, DeploymentError
from shared.logging import LogLevel, configure_logging
from shared.loop_lag import watch_event_loop
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    Task = Coroutine[None, None, None]

log = structlog.get_logger()

EXIT_DEPLOYMENT = 78  # EX_CONFIG of sysexits.h: waiting cannot help
EXIT_BUG = 1
COLLECT_AFTER_OBJECTS = 5_000


class ServiceSettings(Settings):
    """What every service has. Times in seconds."""

    log_level: LogLevel = "info"
    drain_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 20
    tracing: bool = False


def instance_name(service: str) -> str:
    """A name for this process that no other has."""
    return f"{service}.{socket.gethostname()}.{os.getpid()}.{uuid4().hex[:6]}"


async def wait_for(what: str, check: Callable[[], Awaitable[None]]) -> None:
    """Await `check` until it no longer raises DependencyError, saying what is waited for."""
    async for attempt in stamina.retry_context(on=DependencyError, attempts=None, timeout=None, wait_max=5.0):
        with attempt:
            try:
                await check()
            except DependencyError as error:
                log.warning("service.waiting", waiting_for=what, cause=str(error))
                raise


async def run_tasks(
    workers: Mapping[str, Callable[[asyncio.Event], Task]], background: Mapping[str, Task], *, drain_timeout_s: float
) -> None:
    """Run until SIGTERM or SIGINT. `workers` are told to stop and get `drain_timeout_s`; `background` outlives them.

    A task that ends before it was asked to stops the process: raises what it raised.
    """
    stop = asyncio.Event()
    _on_stop_signal(stop.set)
    working = [asyncio.create_task(worker(stop), name=name) for name, worker in workers.items()]
    behind = [asyncio.create_task(task, name=name) for name, task in background.items()]
    behind.append(asyncio.create_task(watch_event_loop(), name="event loop"))
    stopping = asyncio.create_task(_wait(stop), name="stop")
    try:
        done, _ = await asyncio.wait([stopping, *working, *behind], return_when=asyncio.FIRST_COMPLETED)
        _raise_first(done - {stopping})
        if not stop.is_set():
            raise RuntimeError(f"{', '.join(task.get_name() for task in done)} ended by itself")
        log.info("service.draining", deadline_s=drain_timeout_s)
        done, late = await asyncio.wait(working, timeout=drain_timeout_s)
        _raise_first(done)
        if late:
            log.warning("service.drain_deadline", unfinished=[task.get_name() for task in late])
    finally:
        rest = [stopping, *working, *behind]
        for task in rest:
            task.cancel()
        await asyncio.wait(rest)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


def _raise_first(done: set[asyncio.Task[None]]) -> None:
    for task in done:
        if error := task.exception():
            raise error


def _on_stop_signal(act: Callable[[], object]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, act)


async def _until_stopped(main: Callable[[], Task]) -> None:
    """Run `main`; a stop signal ends it in an orderly way also before `run_tasks` has the say, while it still waits."""
    running = asyncio.ensure_future(main())
    _on_stop_signal(running.cancel)
    await asyncio.wait([running])
    if not running.cancelled():
        running.result()


def _collect_garbage_less_often() -> None:
    """Leave what was imported to itself, and look for cycles after every 5,000 new objects instead of every 700.

    A batch makes tens of thousands of objects that reference counting frees at its end; by default the collector walks
    through them dozens of times meanwhile, a third of the time of a decision. At 50,000 it is no faster, and where few
    messages come, what waits for the collector grows for ten minutes, to 20 MB.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS)


def run_service(service: str, main: Callable[[], Task]) -> None:
    """Run `main` and exit: 0 after an orderly stop, 78 where the deployment is wrong, 1 for a bug."""
    configure_logging("info", service=service)
    _collect_garbage_less_often()
    metrics.BUILD.info({"service": service, "version": __version__, "python": platform.python_version()})
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_stopped(main))
    except DeploymentError as error:
        log.error("service.cannot_run", cause=str(error))
        sys.exit(EXIT_DEPLOYMENT)
    log.info("service.stopped")
