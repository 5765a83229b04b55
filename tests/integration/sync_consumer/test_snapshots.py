"""An account is its newest snapshot, in whatever order, batches and replicas they arrive."""

from __future__ import annotations

import asyncio
import itertools
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dev.waiting import eventually
from services.sync_consumer import store
from shared.database.transaction import driver_transaction
from shared.errors import DependencyError
from shared.messaging.delivery import Delivery
from shared.messaging.outcomes import Park
from shared.schemas.account import AccountSnapshot
from tests.integration.deliveries import unread
from tests.integration.sync_consumer.desk import Desk, at, snapshot, wrong_snapshot

Message = AccountSnapshot | Delivery


async def test_the_first_snapshot_makes_the_account(desk: Desk) -> None:
    await desk.handle(
        snapshot(
            "50000.00",
            account={"currency": "JPY", "leverage": 200, "margin_mode": "netting", "is_demo": False},
            equity="48500.00",
            margin_used="3000.00",
            margin_free="45500.00",
            open_positions_count=3,
            total_positions_volume="2.50",
        )
    )

    account = await desk.account()
    assert [account.balance, account.equity] == [Decimal("50000.00"), Decimal("48500.00")]
    assert round(account.margin_level_percent, 6) == Decimal("1616.666667")  # 48,500 / 3,000 × 100
    assert (account.account_leverage, account.is_demo, account.open_positions_count) == (200, False, 3)
    (details,) = await desk.rows("SELECT * FROM user_mt5_account_details")
    assert (details.user_mt5_account_id, details.currency_digits) == (account.id, 0)
    assert (details.margin_mode, details.trade_allowed) == ("netting", True)
    assert abs(details.arrived_at - datetime.now(UTC)) < timedelta(seconds=30)


async def test_no_margin_used_has_no_margin_level(desk: Desk) -> None:
    await desk.handle(snapshot(margin_used="0.00"))

    assert (await desk.account()).margin_level_percent is None


async def test_figures_of_38_digits_are_kept_exactly(desk: Desk) -> None:
    exact = "-" + "9" * 30 + "." + "1" * 8

    await desk.handle(snapshot(exact, equity=exact, margin_used="0." + "0" * 37 + "1", margin_free=exact))

    assert (await desk.account()).balance == Decimal(exact)


async def test_an_older_snapshot_changes_nothing(desk: Desk) -> None:
    await desk.handle(snapshot("2.00", captured_at=at(2)))
    before = await desk.account()

    assert await desk.handle(snapshot("1.00", captured_at=at(1))) == ["superseded"]

    assert await desk.account() == before


async def test_the_same_snapshot_again_changes_nothing(desk: Desk) -> None:
    await desk.handle(snapshot("2.00"))
    before = await desk.account()

    assert await desk.handle(snapshot("2.00")) == ["superseded"]

    assert await desk.account() == before


async def test_another_snapshot_of_the_same_instant_changes_nothing(desk: Desk) -> None:
    await desk.handle(snapshot("2.00"))

    assert await desk.handle(snapshot("3.00")) == ["superseded"]

    assert (await desk.account()).balance == Decimal("2.00")


async def test_a_newer_snapshot_replaces_every_figure(desk: Desk) -> None:
    await desk.handle(snapshot(captured_at=at(1)))

    await desk.handle(
        snapshot(
            "1.00",
            captured_at=at(2),
            equity="2.00",
            margin_used="4.00",
            margin_free="3.00",
            account={"leverage": 30, "broker": "Other", "margin_mode": "exchange", "currency_digits": 4},
        )
    )

    account = await desk.account()
    assert [account.balance, account.equity, account.margin_free] == [Decimal(1), Decimal(2), Decimal(3)]
    assert (account.margin_level_percent, account.account_leverage, account.broker_name) == (Decimal(50), 30, "Other")
    (details,) = await desk.rows("SELECT margin_mode, currency_digits FROM user_mt5_account_details")
    assert tuple(details) == ("exchange", 4)


async def test_every_delivery_leaves_one_row_of_log(desk: Desk) -> None:
    await desk.handle(
        snapshot("2.00", captured_at=at(2)),
        snapshot("1.00", captured_at=at(1)),
        snapshot(user_id="u-2", captured_at=at(3)),
        wrong_snapshot(captured_at=at(4)),
        unread("account.snapshot.v1", b"not JSON"),
        unread("account.snapshot.v9", b"{}"),
    )

    assert await desk.log() == [
        ("snapshot", "applied", None),
        ("snapshot", "superseded", None),
        ("snapshot", "refused", "account_owner_mismatch"),
        ("snapshot", "refused", "invalid_message"),
        ("snapshot", "refused", "invalid_message"),
        (None, "refused", "invalid_message"),
    ]


async def test_the_log_tells_the_balance_before_and_after_each(desk: Desk) -> None:
    await desk.handle(snapshot("1.00", captured_at=at(1)), snapshot("2.00", captured_at=at(2)))
    await desk.handle(snapshot("3.00", captured_at=at(3)))

    rows = await desk.rows("SELECT balance_before, balance_after FROM user_mt5_sync_logs ORDER BY id")
    assert [tuple(row) for row in rows] == [
        (None, Decimal("1.00")),
        (Decimal("1.00"), Decimal("2.00")),
        (Decimal("2.00"), Decimal("3.00")),
    ]


def sequence() -> list[Message]:
    """Everything that can happen to an account."""
    return [
        snapshot("1.00", captured_at=at(1)),
        snapshot("3.00", captured_at=at(3), account={"trade_allowed": False}),
        wrong_snapshot(captured_at=at(4)),
        snapshot("2.00", captured_at=at(2)),
        snapshot("9.00", captured_at=at(9), user_id="u-2"),
    ]


async def test_a_batch_does_what_its_messages_do_one_by_one(desk: Desk) -> None:
    """Each order of the same five messages, once in one batch on account 7, once singly on account 8."""
    orders = list(itertools.permutations(range(5)))[::17]
    for number, order in enumerate(orders):
        together, singly = 1000 + number, 2000 + number
        messages = [sequence()[index] for index in order]

        results = await desk.handle(*(on(message, together) for message in messages))
        alone = [(await desk.handle(on(message, singly)))[0] for message in messages]

        assert results == alone
    accounts = {row.mt5_account_id: tuple(row)[1:] for row in await desk.accounts()}
    for number in range(len(orders)):
        assert accounts[1000 + number] == accounts[2000 + number]


def on(message: Message, login: int) -> Message:
    """The same message, of another account."""
    if isinstance(message, Delivery):
        document = {**message.content.document, "account": {**message.content.document["account"], "login": login}}  # type: ignore[union-attr]
        return unread("account.snapshot.v1", json.dumps(document).encode())
    account = message.account.model_copy(update={"login": login})
    return message.model_copy(update={"account": account})


async def test_two_replicas_that_meet_a_new_account_end_with_the_newest(desk: Desk) -> None:
    async def replica(*seconds: int) -> None:
        for second in seconds:
            while True:
                try:
                    await desk.handle(snapshot(f"{second}.00", captured_at=at(second)))
                    break
                except DependencyError:  # the consumer runs the batch again
                    continue

    await asyncio.gather(replica(1, 4, 5), replica(2, 6, 3), replica(6, 1))

    assert (await desk.account()).balance == Decimal("6.00")
    assert len(await desk.log()) == 8


async def test_a_replica_that_lost_the_race_for_a_new_account_has_written_nothing(desk: Desk) -> None:
    """Both saw no account; the second to insert must not overwrite what the first, which was newer, wrote."""
    newer = snapshot("2.00", captured_at=at(2))
    async with driver_transaction(desk.database) as first:
        now, _ = await store.lock_accounts(first, [("Test-MT5", 7)])
        await store.save_accounts(first, {("Test-MT5", 7): (newer, "active")}, known=(), now=now)
        loser = asyncio.create_task(desk.handle(snapshot("1.00", captured_at=at(1))))
        await until_waiting(desk)
    with pytest.raises(DependencyError, match="another replica"):
        await loser

    assert (await desk.account()).balance == Decimal("2.00")
    assert await desk.log() == []


async def until_waiting(desk: Desk) -> None:
    async def look() -> list[Any]:
        return await desk.rows("SELECT 1 FROM pg_locks WHERE NOT granted")

    await eventually(look)


async def test_batches_over_the_same_accounts_in_any_order_do_not_block_each_other(desk: Desk) -> None:
    logins = list(range(1, 31))
    await desk.handle(*(snapshot("0.00", login=login) for login in logins))

    async def replica(step: int) -> None:
        for second in range(1, 6):
            batch = [snapshot(f"{second}.00", login=login, captured_at=at(second)) for login in logins[::step]]
            await desk.handle(*batch)

    await asyncio.gather(replica(1), replica(-1), replica(1), replica(-1))

    assert {row.balance for row in await desk.accounts()} == {Decimal("5.00")}


async def test_an_account_of_another_user_is_not_touched(desk: Desk) -> None:
    await desk.handle(snapshot("1.00"))
    before = await desk.account()

    assert await desk.handle(snapshot("2.00", user_id="u-2", captured_at=at(5))) == ["account_owner_mismatch"]

    assert await desk.account() == before


async def test_the_first_of_two_users_in_a_batch_owns_the_account(desk: Desk) -> None:
    results = await desk.handle(snapshot(user_id="u-2"), snapshot(user_id="u-1", captured_at=at(5)))

    assert results == ["applied", "account_owner_mismatch"]
    assert (await desk.account()).user_id == "u-2"


async def test_the_same_login_on_another_server_is_another_account(desk: Desk) -> None:
    await desk.handle(snapshot(), snapshot(user_id="u-2", account={"server": "Other-MT5"}))

    assert [row.user_id for row in await desk.accounts()] == ["u-2", "u-1"]


async def test_a_snapshot_from_the_future_is_refused_and_tells_by_how_much(desk: Desk) -> None:
    (outcome,) = await desk.handler(
        [unread("account.snapshot.v1", snapshot(captured_at=datetime.now(UTC) + timedelta(seconds=60)).to_json())]
    )

    assert isinstance(outcome, Park)
    assert outcome.reason == "captured_in_future"
    assert outcome.detail.startswith(("captured_at is 60 s ahead", "captured_at is 59 s ahead"))
    assert await desk.accounts() == []


async def test_ordinary_clock_skew_is_forgiven(desk: Desk) -> None:
    ahead = datetime.now(UTC) + timedelta(seconds=20)

    assert await desk.handle(snapshot(captured_at=ahead)) == ["applied"]


async def test_a_refusal_is_told_to_the_dashboards(desk: Desk) -> None:
    (outcome,) = await desk.handler([wrong_snapshot(captured_at=at(3))])

    assert isinstance(outcome, Park)
    (event,) = outcome.events
    assert (event.routing_key, event.type) == ("account.refused", "account.refused.v1")
    assert json.loads(event.body) == {
        "user_id": "u-1",
        "account": {"login": 7, "server": "Test-MT5"},
        "captured_at": at(3).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "code": "invalid_message",
    }


async def test_the_log_names_every_wrong_field(desk: Desk) -> None:
    document = snapshot().model_dump(mode="json") | {"balance": "NaN", "extra": 1, "margin_used": -1}

    await desk.handle(unread("account.snapshot.v1", json.dumps(document).encode()))

    (row,) = await desk.rows("SELECT error_message, user_id, mt5_account_id, mt5_server FROM user_mt5_sync_logs")
    assert row.error_message.split("; ")[0].startswith("balance: must be")
    assert [part.split(":")[0] for part in row.error_message.split("; ")] == ["balance", "margin_used", "extra"]
    assert tuple(row)[1:] == ("u-1", 7, "Test-MT5")


@pytest.mark.parametrize(
    "document",
    [
        {"a\x00b": 1},
        {"\ud800": 1},
        {"x" * 100_000: 1},
        {"user_id": "u\x00", "account": {"server": "\x00", "login": 7}},
        {"user_id": "\ud800", "account": {"server": "\ud800", "login": 7}},
        {"user_id": 7, "account": {"server": [], "login": {}}, "captured_at": []},
        {"user_id": "u-1", "account": [], "captured_at": "0001-01-01T00:00:00+14:00"},
        {"account": {"server": "s", "login": 2**63}},
        {"account": {"server": "s", "login": True}},
        {"captured_at": "9999-12-31T23:59:59.999999Z"},
        {"captured_at": "0001-01-01T00:00:00Z"},
    ],
    ids=range(11),
)
async def test_whatever_is_in_a_wrong_message_its_refusal_is_logged(desk: Desk, document: dict[str, Any]) -> None:
    assert await desk.handle(unread("account.snapshot.v1", json.dumps(document).encode())) == ["invalid_message"]

    assert await desk.log() == [("snapshot", "refused", "invalid_message")]


async def test_the_earliest_time_there_is_is_a_stale_account(desk: Desk) -> None:
    await desk.handle(snapshot(captured_at="0001-01-01T00:00:00Z"))

    assert (await desk.account()).sync_status == "stale"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "active"),
        ({"account": {"trade_allowed": False}}, "inactive"),
        ({"captured_at": at(-250)}, "stale"),  # 350 s ago
        ({"captured_at": at(-250), "account": {"trade_allowed": False}}, "stale"),
    ],
    ids=["active", "inactive", "stale", "stale and inactive"],
)
async def test_the_status_is_that_of_the_newest_snapshot(desk: Desk, fields: dict[str, Any], status: str) -> None:
    await desk.handle(snapshot(**fields))

    assert (await desk.account()).sync_status == status


async def test_a_newer_message_that_is_refused_shows_as_an_error(desk: Desk) -> None:
    await desk.handle(snapshot(captured_at=at(1)))

    await desk.handle(wrong_snapshot(captured_at=at(2)))

    account = await desk.account()
    assert (account.sync_status, account.balance) == ("error", Decimal("10000.00"))


async def test_a_refused_message_without_a_time_shows_as_an_error(desk: Desk) -> None:
    await desk.handle(snapshot(captured_at=at(1)))

    await desk.handle(wrong_snapshot(captured_at=None))

    assert (await desk.account()).sync_status == "error"


async def test_an_older_message_that_is_refused_is_no_error(desk: Desk) -> None:
    await desk.handle(snapshot(captured_at=at(2)))

    await desk.handle(wrong_snapshot(captured_at=at(1)))

    assert (await desk.account()).sync_status == "active"


async def test_another_users_refused_message_is_no_error(desk: Desk) -> None:
    await desk.handle(snapshot(captured_at=at(1)))

    await desk.handle(wrong_snapshot(captured_at=at(2), user_id="u-2"), snapshot(user_id="u-2", captured_at=at(3)))

    assert (await desk.account()).sync_status == "active"


async def test_a_good_snapshot_ends_the_error(desk: Desk) -> None:
    await desk.handle(snapshot(captured_at=at(1)), wrong_snapshot(captured_at=at(2)))
    assert (await desk.account()).sync_status == "error"

    await desk.handle(snapshot(captured_at=at(3)))

    assert (await desk.account()).sync_status == "active"


async def test_accounts_that_report_no_more_are_marked_stale_once(desk: Desk) -> None:
    await desk.handle(snapshot(login=1), snapshot(login=2), wrong_snapshot(captured_at=at(1)))

    async with driver_transaction(desk.database) as connection:
        fresh = await store.mark_stale(connection, freshness_s=300, most=10)
        first = await store.mark_stale(connection, freshness_s=50, most=10)
        again = await store.mark_stale(connection, freshness_s=50, most=10)

    assert (fresh, first, again) == (0, 2, 0)
    assert [row.sync_status for row in await desk.accounts()] == ["stale", "stale"]


async def test_an_account_that_is_being_written_is_not_stale(desk: Desk) -> None:
    await desk.handle(snapshot(login=1), snapshot(login=2))

    async with driver_transaction(desk.database) as writing:
        await store.lock_accounts(writing, [("Test-MT5", 1)])
        async with driver_transaction(desk.database) as connection:
            assert await store.mark_stale(connection, freshness_s=50, most=10) == 1
