"""How an account stands once a snapshot is applied: what the next one of the same batch is judged by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from services.sync_consumer.snapshot import Applied, Standing, after, judge
from tests import builders

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)


def test_an_account_stands_as_its_snapshot_says() -> None:
    applied = builders.snapshot(user_id="u-1", login=7, balance="5.00", equity="4.00", captured_at=NOW)

    assert after(applied) == Standing("u-1", Decimal("5.00"), NOW)


def test_the_balance_before_the_second_snapshot_is_that_of_the_first() -> None:
    first = builders.snapshot(user_id="u-1", login=7, balance="5.00", captured_at=NOW - timedelta(seconds=1))
    second = builders.snapshot(user_id="u-1", login=7, balance="7.00", captured_at=NOW)

    assert judge(second, after(first), now=NOW) == Applied(balance_before=Decimal("5.00"))
