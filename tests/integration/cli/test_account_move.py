"""`lotwise account move`: an account becomes another user's."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from shared.messaging.outcomes import Ack, Park
from tests.desk import Desk
from tests.integration.cli.conftest import Lotwise

MOVE = ("account", "move", "1@Test-MT5", "--to", "u-2", "--reason", "sold", "--by", "olga")


@pytest.fixture(autouse=True)
async def _account(desk: Desk) -> None:
    await desk.report()
    await desk.publish()


async def owners(desk: Desk) -> tuple[str, str]:
    """Whose the account is, and whose its specs are."""
    (account,) = await desk.rows("SELECT user_id FROM user_mt5_accounts WHERE mt5_account_id = 1")
    (spec,) = await desk.rows("SELECT DISTINCT user_id FROM mt5_instruments WHERE mt5_account_id = 1")
    return account.user_id, spec.user_id


async def test_account_and_specs_move_and_the_move_is_kept(desk: Desk, lotwise: Lotwise) -> None:
    moved = await lotwise(*MOVE)

    assert (moved.exit_code, moved.stderr) == (0, "")
    assert moved.stdout == "account 1@Test-MT5 moved from u-1 to u-2, with the specs of 1 instruments\n"
    assert await owners(desk) == ("u-2", "u-2")
    (kept,) = await desk.rows(
        "SELECT moves.*, moved_at <= now() AS dated FROM account_moves AS moves"
        " JOIN user_mt5_accounts AS account ON account.id = moves.user_mt5_account_id"
    )
    assert (kept.from_user_id, kept.to_user_id, kept.moved_by, kept.reason, kept.dated) == (
        *("u-1", "u-2", "olga", "sold", True),
    )


async def test_afterwards_the_new_users_snapshots_are_applied_and_the_old_ones_refused(
    desk: Desk, lotwise: Lotwise
) -> None:
    await lotwise(*MOVE)

    (new,) = await desk.report(user_id="u-2", balance="777.00")
    (old,) = await desk.report(balance="888.00")

    assert isinstance(new, Ack)
    assert isinstance(old, Park)
    assert old.reason == "account_owner_mismatch"
    (account,) = await desk.rows("SELECT balance FROM user_mt5_accounts")
    assert account.balance == 777


async def test_afterwards_the_new_user_is_sized_on_it_and_what_it_reserved_stays_reserved(
    desk: Desk, lotwise: Lotwise
) -> None:
    held = (await desk.ask()).summary.total_margin_required
    await lotwise(*MOVE)

    old, new = await desk.ask(), await desk.ask(user_id="u-2")

    assert [reason.code for reason in old.reasons] == ["account_not_found"]
    assert (new.status, new.symbol, new.summary.margin_reserved) == ("approved", "GOLD.r", held)


async def test_a_move_waits_for_a_decision_on_the_account(desk: Desk, lotwise: Lotwise) -> None:
    (account,) = await desk.rows("SELECT id FROM user_mt5_accounts")
    async with desk.engine.begin() as connection:  # as a sizing worker does
        await connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": account.id})
        moving = asyncio.create_task(lotwise(*MOVE))
        await desk.waiting_for_locks(1)
        assert await owners(desk) == ("u-1", "u-1")

    assert (await moving).exit_code == 0
    assert await owners(desk) == ("u-2", "u-2")


async def test_an_unknown_account_is_not_moved(desk: Desk, lotwise: Lotwise) -> None:
    moved = await lotwise("account", "move", "2@Test-MT5", "--to", "u-2", "--reason", "sold")

    assert (moved.exit_code, moved.stdout) == (1, "")
    assert moved.stderr == "lotwise: account 2@Test-MT5 is not known; nothing was moved\n"
    assert await desk.rows("SELECT * FROM account_moves") == []


async def test_a_move_to_the_same_user_is_refused(desk: Desk, lotwise: Lotwise) -> None:
    moved = await lotwise("account", "move", "1@Test-MT5", "--to", "u-1", "--reason", "sold")

    assert moved.exit_code == 1
    assert moved.stderr == "lotwise: account 1@Test-MT5 belongs to u-1 already; nothing was moved\n"
    assert await desk.rows("SELECT * FROM account_moves") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("Test-MT5", "--to", "u-2", "--reason", "sold"),
        ("0@Test-MT5", "--to", "u-2", "--reason", "sold"),
        ("1@Test-MT5", "--to", " u-2", "--reason", "sold"),
        ("1@Test-MT5", "--to", "u-2", "--reason", " "),
        ("1@Test-MT5", "--to", "u-2"),
    ],
)
async def test_what_cannot_be_read_is_a_wrong_usage(lotwise: Lotwise, arguments: tuple[str, ...]) -> None:
    assert (await lotwise("account", "move", *arguments)).exit_code == 2
