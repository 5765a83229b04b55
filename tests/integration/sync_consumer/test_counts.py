"""What account messages did is counted once it is committed; how the accounts stand is counted in the database."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from prometheus_client import REGISTRY

from dev.waiting import eventually
from services.sync_consumer.upkeep import count_accounts, mark_stale_accounts
from tests import builders
from tests.counting import Counted
from tests.integration.deliveries import unread
from tests.integration.messaging.place import background
from tests.integration.sync_consumer.desk import Desk, at, instruments, snapshot, wrong_snapshot


async def test_each_message_is_counted_by_what_it_did(desk: Desk) -> None:
    results = Counted("lotwise_sync_results_total")

    await desk.handle(
        snapshot(captured_at=at(1)),
        snapshot(captured_at=at(0)),
        snapshot(captured_at=at(2), user_id="somebody-else"),
        instruments(builders.gold()),
        wrong_snapshot(captured_at=None),
    )

    assert results.by("operation", "result", "code") == {
        ("snapshot", "applied", ""): 1,
        ("snapshot", "superseded", ""): 1,
        ("snapshot", "refused", "account_owner_mismatch"): 1,
        ("snapshot", "refused", "invalid_message"): 1,
        ("instruments", "applied", ""): 1,
    }


async def test_a_type_that_a_sender_made_up_is_no_label(desk: Desk) -> None:
    results = Counted("lotwise_sync_results_total")

    await desk.handle(unread("account.made-up.v9", b"{}"))

    assert results.by("operation", "result", "code") == {("unknown", "refused", "invalid_message"): 1}


async def test_the_accounts_are_told_by_their_status(desk: Desk) -> None:
    def told() -> dict[str, float | None]:
        statuses = ("active", "inactive", "stale", "error")
        return {status: REGISTRY.get_sample_value("lotwise_accounts", {"status": status}) for status in statuses}

    async def counted() -> bool:
        return told() == {"active": 2, "inactive": 1, "stale": 0, "error": 1}

    await desk.handle(
        snapshot(login=1, captured_at=at(0)),
        snapshot(login=2, captured_at=at(0)),
        snapshot(login=3, account={"trade_allowed": False}),
        snapshot(login=4, captured_at=at(0)),
        wrong_snapshot(captured_at=at(5), account={**snapshot(login=4).account.model_dump(mode="json")}),
    )
    counting = asyncio.create_task(count_accounts(desk.database))

    await eventually(counted)
    counting.cancel()
    with suppress(asyncio.CancelledError):
        await counting


async def test_accounts_that_are_marked_as_stale_are_counted(desk: Desk) -> None:
    marked = Counted("lotwise_accounts_marked_stale_total")
    await desk.handle(snapshot(login=1), snapshot(login=2), snapshot(login=3, captured_at=at(90)))

    async def both() -> bool:
        return marked.total() == 2

    async with background(mark_stale_accounts(desk.database, freshness_s=50, every_s=60)):
        await eventually(both)
