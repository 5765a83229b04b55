"""Runs a service's own module, and notes its steps, or ends or blocks the process at one of them.

`python -m tests.faults.stepping trace FILE services.NAME`
`python -m tests.faults.stepping crash STEP services.NAME`
`python -m tests.faults.stepping block STEP SECONDS services.NAME`

A step is what a batch of the handler does to the world outside: a statement, named by the function of the service
that executes it, the commit, each publish, the acknowledgement. Every statement and every publish passes through here,
so that a new one cannot be overlooked. Production code knows nothing of it.
"""

from __future__ import annotations

import contextvars
import os
import runpy
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from pathlib import Path
from types import ModuleType
from typing import Any

from asyncpg import Connection
from sqlalchemy import Engine, event

import services.config_service.schedule_store
import services.config_service.store
import services.sizing_worker.store
import services.sync_consumer.store
from shared.messaging.batch_channel import Batch, BatchChannel
from shared.messaging.consumer import Consumer
from shared.messaging.topology import CONFIG_CHANGED, DEAD, DEFAULT_EXCHANGE, EVENTS, RETRY

PUBLISHES = {
    DEFAULT_EXCHANGE: "reply",
    RETRY: "retry copy",
    DEAD: "parked copy",
    EVENTS: "event",
    CONFIG_CHANGED: "broadcast",
}
STORES = (
    services.sizing_worker.store,
    services.sync_consumer.store,
    services.config_service.store,
    services.config_service.schedule_store,
)
CRASHED = 137

Reached = Callable[[str], None]

batch: contextvars.ContextVar[Counter[str] | None] = contextvars.ContextVar("batch", default=None)
"""How often the running batch has come to each step; None outside of a batch."""
function: contextvars.ContextVar[str] = contextvars.ContextVar("function", default="statement")
"""The function of the service's store that runs."""


def step(reached: Reached, name: str) -> None:
    """A batch has come to a step; its second time there is a step of its own."""
    counter = batch.get()
    if counter is None:
        return
    counter[name] += 1
    reached(name if counter[name] == 1 else f"{name} {counter[name]}")


def watch(reached: Reached) -> None:
    """Tell `reached` of every step of every batch, before it is taken."""
    _watch_batches(reached)
    _watch_database(reached)
    _watch_broker(reached)


def _watch_batches(reached: Reached) -> None:
    handle = Consumer._handle  # noqa: SLF001 - where a batch begins; there is no public name for it

    async def watched(*arguments: Any) -> None:
        batch.set(Counter())
        step(reached, "taken")
        await handle(*arguments)
        step(reached, "done")
        batch.set(None)

    setattr(Consumer, handle.__name__, watched)


def _watch_database(reached: Reached) -> None:
    for store in STORES:
        _name_functions(store)
    execute, fetch = Connection.execute, Connection.fetch

    async def watched_execute(self: Connection, query: str, *arguments: Any, **named: Any) -> Any:
        verb = query.rstrip(";").partition(" ")[0]
        if verb == "COMMIT":
            step(reached, "commit")
        elif verb not in ("BEGIN", "ROLLBACK"):
            step(reached, function.get())
        return await execute(self, query, *arguments, **named)

    async def watched_fetch(self: Connection, *arguments: Any, **named: Any) -> Any:
        step(reached, function.get())
        return await fetch(self, *arguments, **named)

    setattr(Connection, execute.__name__, watched_execute)
    setattr(Connection, fetch.__name__, watched_fetch)
    # SQLAlchemy prepares its statements itself: they pass by the two above.
    event.listen(Engine, "before_cursor_execute", lambda *_: step(reached, function.get()))


def _name_functions(store: ModuleType) -> None:
    for name, called in list(vars(store).items()):
        if iscoroutinefunction(called) and called.__module__ == store.__name__:
            setattr(store, name, _named(name, called))


def _named(name: str, called: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def named(*arguments: Any, **named_arguments: Any) -> Any:
        outer = function.set(name)
        try:
            return await called(*arguments, **named_arguments)
        finally:
            function.reset(outer)

    return named


def _watch_broker(reached: Reached) -> None:
    publish, acknowledge = BatchChannel.publish_batch, BatchChannel.basic_ack

    async def watched_publish(self: BatchChannel, batch: Batch) -> None:
        for publication in batch.publications:
            step(reached, PUBLISHES[publication.exchange])
        await publish(self, batch)

    async def watched_acknowledge(self: BatchChannel, *arguments: Any, **named: Any) -> None:
        step(reached, "ack")
        await acknowledge(self, *arguments, **named)

    setattr(BatchChannel, publish.__name__, watched_publish)
    setattr(BatchChannel, acknowledge.__name__, watched_acknowledge)


def tracing(file: str) -> Reached:
    """Write each step into a file, a line each."""

    def reached(name: str) -> None:
        with Path(file).open("a", encoding="utf-8") as lines:
            lines.write(f"{name}\n")

    return reached


def crashing(at: str) -> Reached:
    """End the process at a step as SIGKILL would: nothing is flushed, closed or said."""

    def reached(name: str) -> None:
        if name == at:
            os._exit(CRASHED)

    return reached


def blocking(at: str, seconds: str) -> Reached:
    """Block the event loop at a step, once."""
    left = [float(seconds)]

    def reached(name: str) -> None:
        if name == at and left:
            time.sleep(left.pop())

    return reached


def main() -> None:
    """Read the command line, then become the service."""
    mode, *arguments, module = sys.argv[1:]
    modes: dict[str, Callable[..., Reached]] = {"trace": tracing, "crash": crashing, "block": blocking}
    watch(modes[mode](*arguments))
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
