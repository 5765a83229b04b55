"""How often one may, and what it costs to count many."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.config_service.http.problems import ProblemError
from services.config_service.http.throttle import COUNTERS_MAX, Limit, Throttle, peer
from shared.tokens import Claims

OWNER = Claims("owner-1", "owner", expires_at=datetime(2126, 1, 1, tzinfo=UTC))


def allowed(limit: Limit, who: str, *, attempts: int) -> int:
    """How many of `attempts` pass."""
    passed = 0
    for _ in range(attempts):
        try:
            limit.hit(who)
        except ProblemError:
            continue
        passed += 1
    return passed


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of the limits: its only item is the time, twenty seconds into a minute."""
    clock = [1_800_000_020.0]
    monkeypatch.setattr("time.time", lambda: clock[0])
    return clock


@pytest.mark.usefixtures("now")
def test_more_than_the_limit_in_a_minute_is_refused() -> None:
    assert allowed(Limit(5, kind="writes"), "u-1", attempts=8) == 5


@pytest.mark.usefixtures("now")
def test_everybody_is_counted_alone() -> None:
    limit = Limit(5, kind="writes")
    allowed(limit, "u-1", attempts=8)

    assert allowed(limit, "u-2", attempts=8) == 5


def test_a_minute_at_rest_gives_everything_back(now: list[float]) -> None:
    limit = Limit(5, kind="writes")
    allowed(limit, "u-1", attempts=8)

    now[0] += 120  # the minute itself, and the one in which it still counts in part

    assert allowed(limit, "u-1", attempts=8) == 5


def test_a_burst_at_the_turn_of_the_minute_is_no_double_one(now: list[float]) -> None:
    limit = Limit(60, kind="writes")
    now[0] += 39
    allowed(limit, "u-1", attempts=100)

    now[0] += 2

    assert allowed(limit, "u-1", attempts=100) <= 2  # two seconds' worth


def test_who_is_refused_learns_when_to_come_again_and_may_then(now: list[float]) -> None:
    limit = Limit(5, kind="writes")
    allowed(limit, "u-1", attempts=5)

    with pytest.raises(ProblemError) as refused:
        limit.hit("u-1")

    headers = refused.value.headers
    now[0] += int(headers["Retry-After"])
    assert headers["RateLimit-Policy"] == '"writes";q=5;w=60'
    assert headers["RateLimit"] == f'"writes";r=0;t={headers["Retry-After"]}'
    assert allowed(limit, "u-1", attempts=1) == 1


@pytest.mark.usefixtures("now")
def test_a_flood_of_strangers_shares_one_counter_and_harms_nobody_known() -> None:
    limit = Limit(5, kind="auth_failures")
    allowed(limit, "known", attempts=1)

    passed = sum(allowed(limit, f"stranger-{number}", attempts=1) for number in range(COUNTERS_MAX + 100))

    assert passed == COUNTERS_MAX - 1 + 5  # one counter is the known one's; then five through the shared one
    assert len(limit._storage.storage) <= COUNTERS_MAX + 1  # noqa: SLF001  what it costs in memory
    assert allowed(limit, "known", attempts=8) == 4


@pytest.mark.usefixtures("now")
def test_whoever_has_looked_too_often_may_still_turn_the_dial() -> None:
    limits = Throttle(writes_per_minute=1, reads_per_minute=2, auth_failures_per_minute=1)
    for method in ("GET", "HEAD"):
        limits.admit({"method": method}, OWNER)

    with pytest.raises(ProblemError) as refused:
        limits.admit({"method": "GET"}, OWNER)

    assert refused.value.headers["RateLimit-Policy"] == '"reads";q=2;w=60'
    limits.admit({"method": "POST"}, OWNER)


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("unix", "unix"),
    ],
)
def test_an_address_is_counted_as_far_as_one_caller_has_it(host: str, counted: str) -> None:
    assert peer({"client": (host, 1234)}) == counted


def test_a_socket_without_addresses_is_one_peer() -> None:
    assert peer({"client": None}) == ""
