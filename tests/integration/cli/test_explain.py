"""`lotwise explain`: the arithmetic of a decision of the real handler, from its record."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from sqlalchemy import text

from tests.desk import Desk
from tests.integration.cli.conftest import Lotwise


@pytest.fixture(autouse=True)
async def _account(desk: Desk) -> None:
    await desk.report(margin_free="2500.00", margin_used="7500.00")
    await desk.publish()


async def test_an_approved_decision_is_explained(desk: Desk, lotwise: Lotwise) -> None:
    decision = await desk.ask()

    told = await lotwise("explain", str(decision.request_id))

    assert (told.exit_code, told.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in told.stdout.splitlines()]
    assert f"Request {decision.request_id}: buy XAUUSD, 3 entries" in lines
    assert "budget 300 USD = balance × risk percent / 100 = 10000 × 3 / 100" in lines
    assert (
        "loss per lot 500 USD per lot = |entry − stop| / tick_size × tick_value = |1950 − 1945| / 0.01 × 1.00" in lines
    )
    assert "margin per lot 1950 USD per lot = contract_size × price / leverage = 100 × 1950 / 100" in lines
    assert "total margin required 1169.22 USD = sum of the entries = 585 + 409.08 + 175.14" in lines
    assert "Approved" in lines


async def test_a_rejected_decision_is_explained_with_what_others_hold(desk: Desk, lotwise: Lotwise) -> None:
    first, refused = await desk.ask(), await desk.ask()

    told = await lotwise("explain", str(refused.request_id))

    lines = [" ".join(line.split()) for line in told.stdout.splitlines()]
    assert f"reserved by {first.request_id} 1169.22 USD" in lines
    assert "free 1330.78 USD = margin free − reserved = 2500.00 − 1169.22" in lines
    assert "limit 1064.624 USD = free × (1 − margin buffer % / 100) = 1330.78 × (1 − 20 / 100)" in lines
    assert "required 1169.22 USD (above the limit that the buffer leaves)" in lines
    assert "Rejected" in lines
    assert any(line.startswith("reason 1 margin_buffer: The setup needs 1169.22 USD of margin") for line in lines)


async def test_a_shrunk_decision_is_explained_with_its_factor(desk: Desk, lotwise: Lotwise) -> None:
    await desk.ask()
    shrunk = await desk.ask(on_insufficient_margin="shrink")

    told = await lotwise("explain", str(shrunk.request_id))

    lines = [" ".join(line.split()) for line in told.stdout.splitlines()]
    assert "shrink factor ≈0.910542 = limit / required = 1064.624 / 1169.22" in lines
    assert "volume shrunk 0.27 lots = volume × shrink factor = 0.3 × ≈0.910542 (rounded down to steps of 0.01)" in lines
    assert "required after shrinking 1052.3 USD" in lines


async def test_a_decision_that_reached_no_account_is_explained(desk: Desk, lotwise: Lotwise) -> None:
    refused = await desk.ask(user_id="u-2")

    told = await lotwise("explain", str(refused.request_id))

    assert told.exit_code == 0
    assert "account_not_found: The user has no account" in told.stdout


async def test_programs_get_exact_figures_under_stable_names(desk: Desk, lotwise: Lotwise) -> None:
    await desk.ask()
    shrunk = await desk.ask(on_insufficient_margin="shrink")

    told = await lotwise("explain", str(shrunk.request_id), "--json")

    document = json.loads(told.stdout)
    assert (document["request_id"], document["status"], document["reasons"]) == (
        str(shrunk.request_id),
        "approved",
        [],
    )
    assert document["figures"]["margin"]["shrink_factor"]["value"] == "266156/292305"
    assert document["figures"]["entry_1"]["volume"] == {"value": "0.27", "unit": "lots"}


async def test_an_unknown_request_is_one_line_and_status_1(lotwise: Lotwise) -> None:
    unknown = uuid4()

    told = await lotwise("explain", str(unknown))

    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr == f"lotwise: no decision is kept under request_id {unknown}\n"


async def test_a_record_that_cannot_be_read_is_one_line_and_status_1(desk: Desk, lotwise: Lotwise) -> None:
    decision = await desk.ask()
    async with desk.engine.begin() as connection:
        await connection.execute(text("UPDATE decision_records SET record = 'nothing'"))

    told = await lotwise("explain", str(decision.request_id))

    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr == f"lotwise: what is kept of request_id {decision.request_id} cannot be read by this release\n"


async def test_what_is_no_request_id_is_a_wrong_usage(lotwise: Lotwise) -> None:
    assert (await lotwise("explain", "setup-001")).exit_code == 2
