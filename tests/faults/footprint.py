"""What a process takes of the machine, from /proc."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

KIB = 1024


@dataclass(frozen=True, slots=True)
class Footprint:
    """At one moment: seconds since the start of the watch, resident memory, open file descriptors."""

    at_s: float
    rss_bytes: int
    descriptors: int


def footprint(pid: int, *, at_s: float = 0.0) -> Footprint:
    """Of a running process; FileNotFoundError where it is gone."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    rss_kib = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return Footprint(at_s, rss_kib * KIB, sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()))


@dataclass(frozen=True, slots=True)
class Trend:
    """Of a straight line through the samples: the mean, and how much it rises over the whole time."""

    mean: float
    rise: float

    @property
    def share(self) -> float:
        """The rise, as a fraction of the mean."""
        return self.rise / self.mean


def trend(times_s: Sequence[float], values: Sequence[float]) -> Trend:
    """The least-squares line through at least two samples."""
    line = statistics.linear_regression(times_s, values)
    return Trend(statistics.mean(values), line.slope * (times_s[-1] - times_s[0]))
