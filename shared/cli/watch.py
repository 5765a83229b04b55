"""`lotwise watch`: what the services do, as they do it."""

from __future__ import annotations

import asyncio
import json
from enum import StrEnum
from typing import Annotated

import typer

from shared.cli.event_lines import describe, event_kind
from shared.cli.terminal import clear_failures, complain, say, say_marked
from shared.messaging.link import BrokerSettings, refuse_bad_credentials
from shared.messaging.watching import Event, EventListener
from shared.schemas.config import WorkerState
from shared.schemas.decoding import schema_name
from shared.settings import load


class Kind(StrEnum):
    """What `--kind` takes; typer reads no list of literals."""

    DECISION = "decision"
    REFUSAL = "refusal"
    CONFIG = "config"
    SCHEDULE = "schedule"
    WORKER = "worker"


def watch(
    kind: Annotated[list[Kind] | None, typer.Option(help="Of this kind alone; may be given again.")] = None,
    user: Annotated[str | None, typer.Option(help="Decisions and refusals of this user alone.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many; never, if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,  # noqa: FBT002
) -> None:
    """Follow decisions, refused snapshots, configuration changes, planned changes and workers, live, one a line.

    A worker is told of when it is first heard and when it changes its version. Reconnects by itself; what happens while
    it is not connected is not shown: the database has it. Ends by Ctrl-C. Reads LOTWISE_AMQP_URL, the operator's.
    """
    with clear_failures():
        watching = Watching(frozenset(kind or ()), user=user, count=count, as_json=as_json)
        try:
            asyncio.run(_follow(load(BrokerSettings), watching))
        except KeyboardInterrupt:
            return


async def _follow(settings: BrokerSettings, watching: Watching) -> None:
    await refuse_bad_credentials(settings)
    listener = EventListener(settings, hear=watching.hear, connected=lambda: complain("lotwise: listening"))
    listening = asyncio.create_task(listener.run())
    ended = asyncio.create_task(watching.ended.wait())
    await asyncio.wait([listening, ended], return_when=asyncio.FIRST_COMPLETED)
    for task in (listening, ended):
        task.cancel()
    await asyncio.wait([listening, ended])
    if not listening.cancelled():
        listening.result()


class Watching:
    """What is shown of what is heard; `ended` is set when that was enough."""

    def __init__(self, kinds: frozenset[str], *, user: str | None, count: int | None, as_json: bool) -> None:
        self.ended = asyncio.Event()
        self._kinds = kinds
        self._user = user
        self._left = count
        self._as_json = as_json
        self._versions: dict[str, int] = {}

    def hear(self, event: Event) -> None:
        """Show an event, if it is meant."""
        if self.ended.is_set() or not self._is_meant(event):
            return
        if self._as_json:
            say(json.dumps({"event": schema_name(event), **json.loads(event.to_json())}, ensure_ascii=False))
        else:
            line = describe(event)
            say_marked(f"{line.kind:<9}{line.word:<10}", line.colour, line.rest)
        if self._left is not None:
            self._left -= 1
            if not self._left:
                self.ended.set()

    def _is_meant(self, event: Event) -> bool:
        if self._kinds and event_kind(event) not in self._kinds:
            return False
        if self._user is not None and getattr(event, "user_id", self._user) != self._user:
            return False
        return not isinstance(event, WorkerState) or self._is_news(event)

    def _is_news(self, state: WorkerState) -> bool:
        known = self._versions.get(state.instance)
        self._versions[state.instance] = state.config_version
        return known != state.config_version
