"""Who runs which configuration version, by what each process announced. Pure: the clock comes in as a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from shared.schemas.config import WorkerState

MISSING_S = 30.0
"""Three announcements that did not come."""
FORGOTTEN_S = 900.0
"""How long after its last announcement a process is still shown as missing. One that was stopped, too: it says no
goodbye, and who looks for a lost worker must find it."""
WORKERS_MAX = 1000
NAME_CHARACTERS_MAX = 200

Standing = Literal["current", "behind", "missing"]


@dataclass(frozen=True, slots=True)
class Worker:
    """A process, the newest version that it announced, when we last heard it, and when we first heard that version."""

    instance: str
    service: str
    config_version: int
    announced_at: datetime
    confirmed_at: datetime

    def standing(self, version: int, *, now: datetime) -> Standing:
        """How it stands where `version` is in force."""
        if now - self.announced_at > timedelta(seconds=MISSING_S):
            return "missing"
        return "current" if self.config_version >= version else "behind"


class Roster:
    """Every process that was heard lately, by its instance name: at most `most`, whatever is announced."""

    def __init__(self, *, most: int = WORKERS_MAX) -> None:
        self._most = most
        self._workers: dict[str, Worker] = {}  # by last announcement: the longest unheard is the first

    def hear(self, state: WorkerState, *, now: datetime) -> bool:
        """Note an announcement that came at `now`; False where it is ignored: a name too long, or no room."""
        if max(len(state.instance), len(state.service)) > NAME_CHARACTERS_MAX:
            return False
        known = self._workers.pop(state.instance, None)
        if known is None and not self._make_room(now):
            return False
        self._workers[state.instance] = _heard(state, known, now)
        return True

    def workers(self, *, now: datetime) -> list[Worker]:
        """All that are not forgotten yet, by service and instance."""
        self._forget(now, silent_s=FORGOTTEN_S, down_to=0)
        return sorted(self._workers.values(), key=lambda worker: (worker.service, worker.instance))

    def _make_room(self, now: datetime) -> bool:
        """Whether one more has room; a missing one gives way, one that is heard never does."""
        self._forget(now, silent_s=FORGOTTEN_S, down_to=0)
        self._forget(now, silent_s=MISSING_S, down_to=self._most - 1)
        return len(self._workers) < self._most

    def _forget(self, now: datetime, *, silent_s: float, down_to: int) -> None:
        oldest = now - timedelta(seconds=silent_s)
        while len(self._workers) > down_to:
            first = next(iter(self._workers.values()))
            if first.announced_at >= oldest:
                return
            del self._workers[first.instance]


def _heard(state: WorkerState, known: Worker | None, now: datetime) -> Worker:
    # A process never goes back, so an older announcement is one that was overtaken on its way.
    if known is not None and known.config_version >= state.config_version:
        return Worker(state.instance, state.service, known.config_version, now, known.confirmed_at)
    return Worker(state.instance, state.service, state.config_version, now, now)
