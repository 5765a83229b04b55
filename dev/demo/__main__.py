"""`make demo`: the main job from end to end, with real messages, shown and then checked; nothing is left running.

Exit status: 0 all is as shown, 1 something is off or did not come up, 130 interrupted.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, NoReturn

import structlog
from pydantic import SecretStr
from rich.console import Console

from dev.demo.checks import accounts_match, check
from dev.demo.database import read_accounts, read_facts
from dev.demo.show import LineShow, LiveShow, comparison_table, milliseconds, timing_sentence, turned_sentence
from dev.demo.story import Play
from dev.progress import say, step
from dev.runs.program import ProgramError
from dev.servers.databases import DatabaseError
from dev.servers.management import Management, ManagementError
from dev.servers.provider import NoServersError, servers
from dev.stack.stack import OWNER, Stack
from dev.stack.workspace import WorkspaceError, make_workspace
from dev.tree import run_folder
from dev.waiting import eventually
from shared.database.engine import DatabaseSettings, connect_database
from shared.errors import LotwiseError
from shared.messaging.topology import PARKED_QUEUES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from dev.demo.checks import Check
    from dev.demo.story import Story
    from dev.stack.processes import Service

REPLICAS: Mapping[Service, int] = {"sync_consumer": 1, "sizing_worker": 2, "config_service": 1}
SETTLED_TIMEOUT_S = 5.0
INTERRUPTED = 130
FAILURES = (NoServersError, WorkspaceError, ManagementError, DatabaseError, ProgramError, LotwiseError, AssertionError)


def run_demo() -> int:
    """Bring up, show, check, take down; returns the exit status."""
    started = time.monotonic()
    processes = ", ".join(f"{count} {service}" for service, count in REPLICAS.items())
    with ExitStack() as at_end:
        provided = at_end.enter_context(servers(allow_containers=False))
        with step("database migrated, topology declared"):
            stack = Stack(make_workspace(provided))
        with step(f"services: {processes}"):
            stack.start(REPLICAS, logs=_logs_folder())
        came_up = time.monotonic()
        story, checks = asyncio.run(_perform(stack, processes))
        performed = time.monotonic()
        _report(story, checks)
        with step("everything stopped and removed"):
            at_end.close()
    say(
        f"  up in {came_up - started:.1f} s, shown and checked in {performed - came_up:.1f} s,"
        f" {time.monotonic() - started:.1f} s in all"
    )
    faults = sum(len(one.faults) for one in checks)
    say(f"The demo found {faults} faults; the logs are in .run/logs/demo." if faults else "All is as it was shown.")
    return 1 if faults else 0


async def _perform(stack: Stack, processes: str) -> tuple[Story, list[Check]]:
    """Tell the story, then compare it with what the database and the broker hold."""
    workspace = stack.workspace
    settings = DatabaseSettings(database_url=SecretStr(workspace.database_url))
    engine = connect_database(settings, application="demo")
    try:
        story = await _tell(stack, engine, processes)
        with suppress(AssertionError):  # then the check of the accounts says what is off
            await eventually(lambda: _is_settled(engine, story), timeout_s=SETTLED_TIMEOUT_S)
        facts = await read_facts(engine)
    finally:
        await engine.dispose()
    vhost = workspace.virtual_host.name
    with Management(workspace.rabbitmq_api_url) as management:
        parked = {queue.name: len(management.peek(vhost, queue.name)) for queue in PARKED_QUEUES}
    return story, check(story, facts, parked)


async def _tell(stack: Stack, engine: AsyncEngine, processes: str) -> Story:
    urls, token = stack.workspace.virtual_host.role_urls, stack.tokens.token(OWNER, "owner")
    console = Console()
    if not console.is_terminal or console.is_dumb_terminal:
        return await Play(urls, token, engine, LineShow()).run()
    show = LiveShow(console, processes=processes)
    with show.live():
        return await Play(urls, token, engine, show).run()


async def _is_settled(engine: AsyncEngine, story: Story) -> bool:
    return not accounts_match(await read_accounts(engine), story.last_snapshots)


def _report(story: Story, checks: list[Check]) -> None:
    console = Console(highlight=False)
    console.print()
    console.print(comparison_table(story))
    if story.turn:
        say(f"  {turned_sentence(story.turn)}")
    say(f"  first decision under it {_until_next_decision(story)} later; {timing_sentence(story)}")
    say("Checked against the database:")
    for one in checks:
        say(f"  {'OFF' if one.faults else 'ok '} {one.what}")
        for fault in one.faults:
            say(f"        {fault}")


def _until_next_decision(story: Story) -> str:
    """From the owner's acknowledgement to the first decision under the new version."""
    if story.turn is None or not story.after():
        return "never"
    return milliseconds(min(one.asked_at + one.took_s for one in story.after()) - story.turn.acknowledged_at)


def _logs_folder() -> Path:
    folder = run_folder() / "logs" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _interrupt(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def main() -> int:
    """Run the demo, ended by Ctrl-C, SIGTERM or SIGHUP at any moment; returns the exit status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    # What the clients' connections have to say would tear the picture.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        return run_demo()
    except FAILURES as failure:
        sys.stderr.write(f"The demo could not be finished; what was started is stopped again.\n{failure}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; what was started is stopped again.\n")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
