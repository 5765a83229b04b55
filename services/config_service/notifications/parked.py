"""When parked messages are worth a message: pure, over counts that lag.

A quorum queue's count lags by seconds and is 0 for a while after the broker's restart, so that fewer are believed only
when they were fewer at two looks in a row: else the same messages would be told of again.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.config_service.notifications.notices import Notice, of_parked


class ParkedMarks:
    """How many are known of in each queue. The first look tells nothing: what lay there then is old."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._fewer: dict[str, int] = {}

    def look(self, counts: Mapping[str, int]) -> list[Notice]:
        """The notices of the queues where more lie than were known of."""
        return [notice for queue, count in counts.items() if (notice := self._look(queue, count))]

    def _look(self, queue: str, count: int) -> Notice | None:
        known = self._known.get(queue)
        if known is None or count >= known:
            self._fewer.pop(queue, None)
            self._known[queue] = count
            return of_parked(queue, more=count - known, total=count) if known is not None and count > known else None
        if queue in self._fewer:
            self._known[queue] = max(count, self._fewer[queue])
        self._fewer[queue] = count
        return None
