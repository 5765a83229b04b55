"""What a broker says of its symbols: each spec by its own time, each wrong one alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from tests.builders import gold
from tests.integration.deliveries import unread
from tests.integration.sync_consumer.desk import Desk, at, instruments, snapshot


async def test_specs_may_come_before_the_first_snapshot(desk: Desk) -> None:
    assert await desk.handle(instruments(gold(), gold(instrument="XAGUSD"))) == ["applied"]

    assert await desk.specs() == [(7, "XAGUSD", "GOLD.r", "u-1"), (7, "XAUUSD", "GOLD.r", "u-1")]
    assert await desk.accounts() == []


async def test_a_spec_is_kept_as_it_was_published(desk: Desk) -> None:
    await desk.handle(instruments(gold(tick_value="0.79", margin_initial=0, commission_per_lot="7.00")))

    ((spec,),) = await desk.rows("SELECT spec FROM mt5_instruments")
    document = spec if isinstance(spec, dict) else json.loads(spec)
    assert (document["tick_value"], document["margin_initial"], document["commission_per_lot"]) == (
        "0.79",
        None,
        "7.00",
    )


async def test_each_spec_is_replaced_by_a_newer_one_only(desk: Desk) -> None:
    await desk.handle(instruments(gold(symbol="new"), captured_at=at(2)))

    results = await desk.handle(
        instruments(gold(symbol="old"), gold(instrument="XAGUSD", symbol="first"), captured_at=at(1)),
        instruments(gold(symbol="same"), captured_at=at(2)),
        instruments(gold(instrument="XAGUSD", symbol="newer"), captured_at=at(3)),
    )

    assert results == ["applied", "superseded", "applied"]
    assert await desk.specs() == [(7, "XAGUSD", "newer", "u-1"), (7, "XAUUSD", "new", "u-1")]


async def test_one_wrong_spec_is_refused_alone_and_named_in_the_log(desk: Desk) -> None:
    wrong = gold(instrument="US500", calc_mode="collateral")

    assert await desk.handle(instruments(gold(), wrong, gold(instrument="XAGUSD"))) == ["applied"]

    assert [spec[1] for spec in await desk.specs()] == ["XAGUSD", "XAUUSD"]
    (log,) = await desk.rows("SELECT sync_status, error_code, error_message FROM user_mt5_sync_logs")
    assert (log.sync_status, log.error_code) == ("applied", "invalid_message")
    assert log.error_message.startswith("US500: instruments.1.calc_mode: ")


async def test_each_of_many_wrong_specs_is_named_in_the_log(desk: Desk) -> None:
    names = [f"WRONG{number}" for number in range(100)]

    await desk.handle(instruments(gold(), *(gold(instrument=name, tick_value="0") for name in names)))

    (log,) = await desk.rows("SELECT error_message FROM user_mt5_sync_logs")
    assert log.error_message.startswith(", ".join(names) + ": instruments.1.tick_value: ")


async def test_a_spec_named_twice_is_refused_and_the_others_are_not(desk: Desk) -> None:
    await desk.handle(instruments(gold(), gold(instrument="XAGUSD"), gold(symbol="other")))

    assert [spec[1] for spec in await desk.specs()] == ["XAGUSD"]


async def test_a_message_with_nothing_but_wrong_specs_is_parked(desk: Desk) -> None:
    assert await desk.handle(instruments(gold(tick_size="0"), {})) == ["invalid_message"]

    assert await desk.log() == [("instruments", "refused", "invalid_message")]


async def test_a_wrong_name_does_not_stop_the_log(desk: Desk) -> None:
    await desk.handle(instruments(gold(), gold(instrument="a\x00b"), gold(instrument="\ud800")))

    assert await desk.log() == [("instruments", "applied", "invalid_message")]


async def test_another_users_specs_of_a_known_account_are_refused(desk: Desk) -> None:
    await desk.handle(snapshot(), instruments(gold()))

    assert await desk.handle(instruments(gold(symbol="x"), user_id="u-2", captured_at=at(5))) == [
        "account_owner_mismatch"
    ]

    assert await desk.specs() == [(7, "XAUUSD", "GOLD.r", "u-1")]


async def test_specs_that_another_user_published_before_the_first_snapshot_give_way_to_the_owners(desk: Desk) -> None:
    await desk.handle(instruments(gold(symbol="stranger's"), user_id="u-2", captured_at=at(9)))

    await desk.handle(snapshot(), instruments(gold(symbol="owner's"), captured_at=at(1)))

    assert await desk.specs() == [(7, "XAUUSD", "owner's", "u-1")]


async def test_specs_from_the_future_are_refused(desk: Desk) -> None:
    ahead = datetime.now(UTC) + timedelta(seconds=60)

    assert await desk.handle(instruments(gold(), captured_at=ahead)) == ["captured_in_future"]

    assert await desk.specs() == []


async def test_a_refused_message_of_specs_shows_as_an_error_of_the_account(desk: Desk) -> None:
    await desk.handle(snapshot(captured_at=at(1)))

    await desk.handle(instruments({}, captured_at=at(2)))

    assert (await desk.account()).sync_status == "error"


async def test_480_symbols_fit_into_one_message(desk: Desk) -> None:
    document = instruments(*(gold(instrument=f"SYM{number:03}") for number in range(480))).model_dump(mode="json")

    results = await desk.handle(unread("account.instruments.v1", json.dumps(document).encode()))

    assert results == ["applied"]
    assert len(await desk.specs()) == 480
