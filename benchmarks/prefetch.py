"""The prefetch that serves a peer best: tried, not assumed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from benchmarks.load import Say


async def best_prefetch(
    module: str, prefetches: Iterable[int], per_s: Callable[[str, int], Awaitable[float]], *, say: Say
) -> int:
    """The one of `prefetches` with which `per_s` finds the peer `module` fastest."""
    tried = {}
    for prefetch in prefetches:
        say(f"{module} with a prefetch of {prefetch}")
        tried[prefetch] = await per_s(module, prefetch)
    return max(tried, key=lambda prefetch: tried[prefetch])
