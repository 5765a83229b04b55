"""Figures as people read them."""

from __future__ import annotations

from collections.abc import Sequence

MILLI, MICRO = 1e3, 1e6


def milliseconds(seconds: float) -> str:
    """A time in milliseconds."""
    return f"{seconds * MILLI:.1f} ms"


def microseconds(seconds: float) -> str:
    """A time in microseconds."""
    return f"{seconds * MICRO:,.0f} µs"


def with_spread(median: float, each: Sequence[float]) -> str:
    """A median, and the lowest and the highest in brackets."""
    return f"{median:,.0f} ({min(each):,.0f}–{max(each):,.0f})"
