"""What a message does to an account, decided from values alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sync_consumer.snapshot import Applied, Refused, Standing, Superseded, after, judge, refuse, status
from shared.schemas.account import AccountSnapshot
from tests import builders

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
STANDING = Standing("u-1", Decimal("5.00"), NOW - timedelta(seconds=10))


def snapshot(seconds_ago: float = 0, *, user_id: str = "u-1", balance: str = "7.00") -> AccountSnapshot:
    captured_at = NOW - timedelta(seconds=seconds_ago)
    return builders.snapshot(user_id=user_id, login=7, balance=balance, captured_at=captured_at)


def test_the_first_snapshot_is_applied_and_there_was_no_balance_before() -> None:
    assert judge(snapshot(), None, now=NOW) == Applied(balance_before=None)


def test_a_newer_snapshot_is_applied_over_the_balance_that_stood() -> None:
    assert judge(snapshot(9), STANDING, now=NOW) == Applied(balance_before=Decimal("5.00"))


@pytest.mark.parametrize("seconds_ago", [10, 10.000001, 11, 100_000])
def test_an_older_or_equally_old_snapshot_is_superseded(seconds_ago: float) -> None:
    assert judge(snapshot(seconds_ago), STANDING, now=NOW) == Superseded()


def test_a_microsecond_is_newer() -> None:
    assert isinstance(judge(snapshot(9.999999), STANDING, now=NOW), Applied)


@pytest.mark.parametrize("ahead_s", [0, 15, 30])
def test_a_clock_may_be_thirty_seconds_ahead(ahead_s: float) -> None:
    assert refuse(snapshot(-ahead_s), None, now=NOW) is None


@pytest.mark.parametrize("ahead_s", [30.000001, 31, 86_400])
def test_what_is_further_ahead_is_refused(ahead_s: float) -> None:
    refused = refuse(snapshot(-ahead_s), None, now=NOW)

    assert refused is not None
    assert refused.code == "captured_in_future"


@pytest.mark.parametrize("seconds_ago", [0, 20])
def test_another_users_message_is_refused_however_old(seconds_ago: float) -> None:
    refused = judge(snapshot(seconds_ago, user_id="u-2"), STANDING, now=NOW)

    assert isinstance(refused, Refused)
    assert refused.code == "account_owner_mismatch"


def test_the_future_is_told_before_the_owner() -> None:
    refused = judge(snapshot(-60, user_id="u-2"), STANDING, now=NOW)

    assert isinstance(refused, Refused)
    assert refused.code == "captured_in_future"


@pytest.mark.parametrize(
    ("seconds_ago", "allowed", "expected"),
    [(300, True, "active"), (300.000001, True, "stale"), (0, False, "inactive"), (301, False, "stale")],
)
def test_the_status_is_of_the_newest_snapshot(seconds_ago: float, allowed: bool, expected: str) -> None:  # noqa: FBT001
    account = snapshot(seconds_ago).account.model_copy(update={"trade_allowed": allowed})
    shown = snapshot(seconds_ago).model_copy(update={"account": account})

    assert status(shown, now=NOW, freshness_s=300) == expected


@given(st.lists(st.integers(0, 20), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_snapshots_in_any_order_and_number_come_to_the_newest(ages: list[int], random: object) -> None:
    sent = [snapshot(age, balance=f"{100 - age}.00") for age in ages]
    shuffled = sorted(sent * 2, key=lambda _: random.random())  # type: ignore[attr-defined]
    standing: Standing | None = None

    for message in shuffled:
        if isinstance(judge(message, standing, now=NOW), Applied):
            standing = after(message)

    assert standing == after(snapshot(min(ages), balance=f"{100 - min(ages)}.00"))
