"""Which stage of a message's way a stack belongs to: told by the outermost frame that begins one.

A rule names a stage by a part of a file's path and of a function's name. What no rule of ours knows is told by its
innermost frame: driver, library or event loop. So a stage that is renamed in the code shows up there, not under a wrong
name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Frame = tuple[str, str]

READ, LOCK, LOAD, DECIDE, RECORD, INSERT, COMMIT = (
    "read",
    "lock",
    "load",
    "decide",
    "record",
    "insert",
    "begin and commit",
)
REPLY, PUBLISH, ACKNOWLEDGE, RECEIVE = "write the reply", "publish", "acknowledge", "receive"
LOGS, DRIVER, LOOP, REST = "logs and metrics", "database driver", "event loop", "the rest of ours"
STAGES = (
    *(RECEIVE, READ, LOCK, LOAD, DECIDE, REPLY, RECORD, INSERT, COMMIT, PUBLISH, ACKNOWLEDGE),
    *(LOGS, DRIVER, LOOP, REST),
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A frame whose file contains `path`, and whose function contains `function`, belongs to `stage`."""

    stage: str
    path: str
    function: str = ""

    def fits(self, frame: Frame) -> bool:
        """Whether a frame does."""
        file, function = frame
        return self.path in file and self.function in function


BEGIN_STAGES = (
    Rule(READ, "/shared/messaging/delivery"),
    Rule(LOCK, "/store", "lock"),
    Rule(LOAD, "/store", "load"),
    Rule(DECIDE, "/shared/sizing/decision"),
    Rule(DECIDE, "/sync_consumer/snapshot"),
    Rule(RECORD, "/shared/sizing/record"),
    Rule(REPLY, "/shared/schemas/", "to_json"),
    Rule(INSERT, "/services/sizing_worker/audit"),
    Rule(INSERT, "/store", "save"),
    Rule(INSERT, "/store", "write"),
    Rule(COMMIT, "/shared/database/transaction"),
    Rule(ACKNOWLEDGE, "/aiormq/", "basic_ack"),
    Rule(PUBLISH, "/shared/messaging/settlement", "publish"),
    Rule(PUBLISH, "/shared/messaging/settlement", "_outgoing"),
    Rule(PUBLISH, "/shared/messaging/batch_channel", "_on_confirm"),
    Rule(PUBLISH, "/aiormq/", "writer"),
    Rule(RECEIVE, "/shared/messaging/batch_channel", "_on_deliver"),
    Rule(RECEIVE, "/shared/messaging/frames"),
    Rule(RECEIVE, "/shared/messaging/inbox"),
    Rule(LOGS, "/shared/messaging/settlement", "_report"),
    Rule(LOGS, "/structlog/"),
    Rule(LOGS, "/prometheus_client/"),
)
OTHERWISE = (
    Rule(REST, "/services/"),
    Rule(REST, "/shared/"),
    Rule(RECEIVE, "/aiormq/"),
    Rule(RECEIVE, "/aio_pika/"),
    Rule(RECEIVE, "/pamqp/"),
    Rule(DRIVER, "/asyncpg/"),
    Rule(DRIVER, "/sqlalchemy/"),
    Rule(LOOP, "/asyncio/"),
    Rule(LOOP, "/selectors.py"),
    Rule(LOOP, "uvloop"),
)


def stage(stack: Sequence[Frame]) -> str:
    """The stage of a stack, whose innermost frame comes first."""
    return _first(BEGIN_STAGES, stack[::-1]) or _first(OTHERWISE, stack) or REST


def shares(stacks: Iterable[tuple[Sequence[Frame], int]]) -> dict[str, float]:
    """The share of each stage in all samples, in the order of a message's way; stages without one are left out."""
    counts: Counter[str] = Counter()
    for frames, count in stacks:
        counts[stage(frames)] += count
    total = counts.total() or 1
    return {name: counts[name] / total for name in STAGES if counts[name]}


def _first(rules: Sequence[Rule], stack: Sequence[Frame]) -> str | None:
    return next((rule.stage for frame in stack for rule in rules if rule.fits(frame)), None)
