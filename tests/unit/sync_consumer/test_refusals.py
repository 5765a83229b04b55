"""What the bridge's operator reads of a refused message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from services.sync_consumer.snapshot import Refused, Standing, refuse
from tests import builders

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)


def test_a_message_from_the_future_is_told_by_how_much() -> None:
    ahead = builders.snapshot(user_id="u-1", login=7, captured_at=NOW + timedelta(seconds=90.4))

    assert refuse(ahead, None, now=NOW) == Refused(
        "captured_in_future",
        "captured_at is 90 s ahead of the database's clock; synchronise the bridge's host by NTP",
    )


def test_a_message_of_another_user_is_told_who_may_move_the_account() -> None:
    theirs = builders.snapshot(user_id="u-2", login=7, captured_at=NOW)

    assert refuse(theirs, Standing("u-1", Decimal("5.00"), NOW), now=NOW) == Refused(
        "account_owner_mismatch", "the account belongs to another user; the operator alone moves it"
    )
