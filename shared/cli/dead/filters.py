"""Which parked messages are meant: pure, by what a message says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared.cli.spans import read_moment

if TYPE_CHECKING:
    from shared.messaging.parked import Parked


@dataclass(frozen=True, slots=True)
class Filter:
    """What all must be true of a message; None is no condition. `since` is inside, `until` is not."""

    reason: str | None = None
    type: str | None = None
    user: str | None = None
    message_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, parked: Parked) -> bool:
        """Whether the message is meant. One without any time is meant only where none is asked for."""
        words = (
            (self.reason, parked.reason),
            (self.type, parked.type),
            (self.user, parked.user),
            (self.message_id, parked.message_id),
        )
        return all(wanted is None or wanted == found for wanted, found in words) and self._in_time(parked.at)

    def __str__(self) -> str:
        """What was asked for, for the audit; `all` where nothing was."""
        given = {name: getattr(self, name) for name in self.__slots__}
        told = (f"{name}={_told(value)}" for name, value in given.items() if value is not None)
        return " ".join(told) or "all"

    def _in_time(self, at: datetime | None) -> bool:
        if self.since is None and self.until is None:
            return True
        return at is not None and (self.since is None or at >= self.since) and (self.until is None or at < self.until)


def moment(text: str | None, *, option: str) -> datetime | None:
    """A time, or how long ago by this machine's clock. Raises typer.BadParameter."""
    read = read_moment(text, option=option)
    return datetime.now(UTC) - read if isinstance(read, timedelta) else read


def _told(value: str | datetime) -> str:
    return value.isoformat() if isinstance(value, datetime) else value
