"""`lotwise accounts`: which there are, filtered, with how old their figures are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from tests.desk import Desk
from tests.integration.cli.conftest import Lotwise


@pytest.fixture(autouse=True)
async def _accounts(desk: Desk) -> None:
    """u-1 has one that is fresh and one that may not trade, u-2 one that was last heard of ten minutes ago."""
    await desk.report(login=1)
    await desk.report(login=2, account={"trade_allowed": False})
    await desk.report(user_id="u-2", login=3)
    async with desk.engine.begin() as connection:
        await connection.execute(
            text(
                "UPDATE user_mt5_accounts SET last_synced_at = last_synced_at - interval '10 min' WHERE user_id = 'u-2'"
            )
        )


async def logins(lotwise: Lotwise, *arguments: str) -> list[int]:
    return [account["login"] for account in json.loads((await lotwise("accounts", "--json", *arguments)).stdout)]


async def test_accounts_are_listed_with_their_figures_and_ages(lotwise: Lotwise) -> None:
    listed = await lotwise("accounts")

    assert (listed.exit_code, listed.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in listed.stdout.splitlines()]
    assert lines[0] == "user account status age balance equity margin free currency leverage positions"
    assert [line.split(" ", 4)[:4] for line in lines[1:3]] == [
        ["u-1", "1@Test-MT5", "(demo)", "active"],
        ["u-1", "2@Test-MT5", "(demo)", "inactive"],
    ]
    assert lines[3].startswith("u-2 3@Test-MT5 (demo) active 10 min")
    assert lines[3].endswith("10000.00 10000.00 10000.00 USD 1:100 0")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("--user", "u-1"), [1, 2]),
        (("--status", "inactive"), [2]),
        (("--stale",), [3]),
        (("--stale", "--user", "u-1"), []),
    ],
)
async def test_accounts_are_filtered(lotwise: Lotwise, arguments: tuple[str, ...], meant: list[int]) -> None:
    assert await logins(lotwise, *arguments) == meant


async def test_programs_get_decimals_as_strings_and_times_in_utc(lotwise: Lotwise) -> None:
    (account,) = json.loads((await lotwise("accounts", "--user", "u-2", "--json")).stdout)

    expected: dict[str, Any] = {"login": 3, "server": "Test-MT5", "balance": "10000.00", "is_demo": True}
    assert {name: account[name] for name in expected} == expected
    assert account["captured_at"].endswith("Z")
    assert 600 <= float(account["age_seconds"]) < 660


async def test_a_list_that_is_cut_says_so(lotwise: Lotwise) -> None:
    listed = await lotwise("accounts", "--limit", "2")

    assert len(listed.stdout.splitlines()) == 3
    assert listed.stderr == "lotwise: there are more than these 2; see them by --limit, or narrow it\n"


async def test_where_none_is_meant_it_says_so_and_a_program_gets_an_empty_list(lotwise: Lotwise) -> None:
    assert (await lotwise("accounts", "--user", "nobody")).stdout == "no account is meant\n"
    assert (await lotwise("accounts", "--user", "nobody", "--json")).stdout == "[]\n"
