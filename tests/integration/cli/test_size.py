"""`lotwise size`: a real request to a real worker, and what the operator sees of its reply."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from shared.cli.__main__ import app
from shared.messaging.topology import SIZING
from tests.desk import Desk
from tests.e2e.proxy import HoldingProxy
from tests.integration.cli.parking import Bench
from tests.integration.messaging.place import consuming

pytestmark = pytest.mark.usefixtures("quiet_services")

GOLD = ("XAUUSD", "buy", "--user", "u-1")
THREE = ("--entry", "1950/1945/1965", "--entry", "1948/1943", "--entry", "1946/1941")


@pytest.fixture(autouse=True)
async def _worker(desk: Desk, bench: Bench) -> AsyncIterator[None]:
    """An account of 10,000.00 USD with gold's spec, and a sizing worker."""
    await desk.report()
    await desk.publish()
    async with consuming(bench.place, desk.worker, queue=SIZING, role="sizing-worker"):
        yield


async def size(bench: Bench, *arguments: str, **settings: str | None) -> Result:
    """Run the command as the signal engine."""
    env = {"LOTWISE_AMQP_URL": None, "LOTWISE_SIGNAL_ENGINE_AMQP_URL": bench.place.url("signal-engine"), **settings}
    return await asyncio.to_thread(CliRunner().invoke, app, ["size", *arguments], env=env)


def told(result: Result) -> list[str]:
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


async def document(bench: Bench, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await size(bench, *arguments, "--json")).stdout)
    return found


async def test_an_approval_is_a_table_with_units_and_status_0(bench: Bench) -> None:
    result = await size(bench, *GOLD, *THREE)

    assert (result.exit_code, result.stderr) == (0, "")
    lines = told(result)
    assert lines[:6] == [
        "approved buy XAUUSD (GOLD.r) on 1@Test-MT5, user u-1",
        "entry volume (lots) price stop take profit budget (USD) loss at stop (USD) margin (USD) limited by",
        "1 0.30 1950 1945 1965 150.00 150.00 585.00 risk",
        "2 0.21 1948 1943 105.00 105.00 409.08 risk",
        "3 0.09 1946 1941 45.00 45.00 175.14 risk",
        "budget 300.00 USD, 3 % of risk under configuration 1",
    ]
    assert lines[6:8] == [
        "total 0.60 lots, 300.00 USD (3 %) lost at the stops",
        "margin 1169.22 of 10000.00 USD available (0.00 held by other setups), 8830.78 after this one",
    ]
    assert "its margin is reserved, and it may be acted upon, until 20" in lines[8]
    assert "\x1b" not in result.stdout


async def test_a_rejection_says_why_and_is_status_1(bench: Bench) -> None:
    result = await size(bench, "US500", *GOLD[1:], "--entry", "5000/4950")

    assert (result.exit_code, result.stderr) == (1, "")
    assert told(result)[0] == "rejected buy US500 on 1@Test-MT5, user u-1"
    assert told(result)[1].startswith("unknown_instrument: ")


async def test_a_request_that_is_wrong_in_itself_is_status_65(bench: Bench) -> None:
    result = await size(bench, *GOLD, "--entry", "1950/1955")

    assert result.exit_code == 65
    assert told(result)[0].startswith("error buy XAUUSD")
    assert told(result)[1].startswith("invalid_stop: ")


async def test_what_is_asked_again_under_its_id_gets_the_same_reply(bench: Bench) -> None:
    again = ("--request-id", str(uuid4()))

    assert await document(bench, *GOLD, *THREE, *again) == await document(bench, *GOLD, *THREE, *again)


async def test_only_asking_gives_the_margin_back(bench: Bench) -> None:
    result = await size(bench, *GOLD, *THREE, "--release")

    assert told(result)[0].startswith("approved buy XAUUSD")
    assert told(result)[-1] == "its margin was given back: it may not be acted upon any more"
    after = await document(bench, *GOLD, *THREE)
    assert after["summary"]["margin_reserved"] == "0.00"
    held = await document(bench, *GOLD, *THREE)
    assert held["summary"]["margin_reserved"] == "1169.22"


async def test_an_approval_whose_release_fails_is_shown_and_its_margin_said_to_stay_reserved(bench: Bench) -> None:
    async with HoldingProxy(bench.place.url("signal-engine"), name="lotwise size outcomes") as proxy:
        proxy.hold()
        asking = (*GOLD, *THREE, "--release", "--timeout", "3")
        result = await size(bench, *asking, LOTWISE_SIGNAL_ENGINE_AMQP_URL=proxy.url)

    assert result.exit_code == 69
    assert told(result)[0].startswith("approved buy XAUUSD")
    until = told(result)[-1].rpartition(" ")[2]
    begins = f"lotwise: the margin stays reserved until {until}, for its release was not confirmed: "
    assert (result.stderr.startswith(begins), result.stderr.count("\n")) == (True, 1)
    held = await document(bench, *GOLD, *THREE)
    assert held["summary"]["margin_reserved"] == "1169.22"


async def test_margin_that_does_not_suffice_is_refused_or_shrunk(bench: Bench, desk: Desk) -> None:
    await desk.report(margin_free="1000.00", margin_used="9000.00")

    assert (await size(bench, *GOLD, *THREE)).exit_code == 1
    shrunk = await document(bench, *GOLD, *THREE, "--shrink")
    assert {position["binding_limit"] for position in shrunk["positions"]} == {"margin"}


async def test_the_operators_user_serves_where_no_other_is_named(bench: Bench) -> None:
    settings = {"LOTWISE_SIGNAL_ENGINE_AMQP_URL": None, "LOTWISE_AMQP_URL": bench.place.virtual_host.amqp_url}

    assert (await size(bench, *GOLD, *THREE, **settings)).exit_code == 0


async def test_a_broker_that_is_away_is_one_line_and_status_69(bench: Bench) -> None:
    result = await size(bench, *GOLD, *THREE, LOTWISE_SIGNAL_ENGINE_AMQP_URL="amqp://u:p@127.0.0.1:9/x")

    assert (result.exit_code, result.stdout) == (69, "")
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith("; try again\n")


async def test_credentials_that_are_refused_are_named_by_their_setting(bench: Bench) -> None:
    wrong = bench.place.url("signal-engine").replace("signal-engine", "nobody", 1)

    result = await size(bench, *GOLD, *THREE, LOTWISE_SIGNAL_ENGINE_AMQP_URL=wrong)

    assert (result.exit_code, result.stdout) == (78, "")
    assert result.stderr.startswith("lotwise: LOTWISE_SIGNAL_ENGINE_AMQP_URL: the broker refuses user 'nobody")
