"""How often one may: changes and reads by user, failed authentications by address.

In memory, so each process counts its own. What needs no token is not counted: health, the page and the documents, which
cost next to nothing. A live stream counts once, as it is opened.
"""

from __future__ import annotations

import math
import time
from ipaddress import IPv6Address, ip_address
from typing import Literal

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import Scope

from services.config_service.counts import HTTP_THROTTLED
from services.config_service.http.problems import ProblemError
from shared.tokens import Claims

COUNTERS_MAX = 10_000
"""Counters of one limit; each who is counted has at most two. Whoever comes when there are so many shares one."""
WINDOW_S = 60
SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")
OTHERS = "others"

Kind = Literal["writes", "reads", "auth_failures"]


class Limit:
    """At most `per_minute` in any minute for each who asks, by a sliding window of two counters."""

    def __init__(self, per_minute: int, *, kind: Kind) -> None:
        self._storage = MemoryStorage()
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)
        self._item = RateLimitItemPerMinute(per_minute)
        self._kind = kind

    def hit(self, who: str) -> None:
        """Count one of `who`. Raises ProblemError where they have had too many."""
        counted = self._counted(who)
        if not self._limiter.hit(self._item, counted):
            HTTP_THROTTLED.labels(self._kind).inc()
            raise self._refusal(counted)

    def _counted(self, who: str) -> str:
        crowded = len(self._storage.storage) >= COUNTERS_MAX
        return OTHERS if crowded and self._remaining(who) == self._item.amount else f"one {who}"

    def _remaining(self, who: str) -> int:
        return self._limiter.get_window_stats(self._item, f"one {who}").remaining

    def _refusal(self, counted: str) -> ProblemError:
        # At the very moment of the reset the window still weighs in full: whole seconds, and past it.
        wait_s = math.floor(self._limiter.get_window_stats(self._item, counted).reset_time - time.time()) + 1
        # The fields of draft-ietf-httpapi-ratelimit-headers: the policy, and what is left of it for how long.
        headers = {
            "Retry-After": str(wait_s),
            "RateLimit-Policy": f'"{self._kind}";q={self._item.amount};w={WINDOW_S}',
            "RateLimit": f'"{self._kind}";r=0;t={wait_s}',
        }
        return ProblemError("rate_limited", f"too often; try again in {wait_s} s", headers=headers)


class Throttle:
    """What a request may be refused for, before and after its token was looked at."""

    def __init__(self, *, writes_per_minute: int, reads_per_minute: int, auth_failures_per_minute: int) -> None:
        self._writes = Limit(writes_per_minute, kind="writes")
        self._reads = Limit(reads_per_minute, kind="reads")
        self._auth_failures = Limit(auth_failures_per_minute, kind="auth_failures")

    def admit(self, scope: Scope, claims: Claims) -> None:
        """Count a read or a write of the bearer, whatever becomes of it. Raises ProblemError.

        Each has its own count, so that whoever has looked too often may still turn the dial.
        """
        counted = self._reads if scope["method"] in SAFE_METHODS else self._writes
        counted.hit(claims.user)

    def admit_stream(self, claims: Claims) -> None:
        """Count a live stream that is opened, as a read of the bearer. Raises ProblemError."""
        self._reads.hit(claims.user)

    def auth_failed(self, scope: Scope) -> None:
        """Count a failed authentication of the peer. Raises ProblemError.

        A token that is believed is never refused for the failures of others at its address: many may share one, behind
        a proxy or a NAT, and none of them may lock the owner out.
        """
        self._auth_failures.hit(peer(scope))


def peer(scope: Scope) -> str:
    """The address that is counted: an IPv6 one by its /64, because who has one has all of them."""
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(IPv6Address(int(address) >> 64 << 64)) if isinstance(address, IPv6Address) else host
