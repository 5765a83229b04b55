"""`lotwise replay`: decisions of the real handler, made again from their records."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.sizing.decision import ENGINE_VERSION
from tests import builders
from tests.desk import Desk, ago, request
from tests.integration.cli.conftest import Lotwise

TAMPER = """
    UPDATE decisions
    SET reply = convert_to(replace(convert_from(reply, 'UTF8'), '"volume":"0.30"', '"volume":"0.31"'), 'UTF8')
    WHERE request_id = :request_id
"""
AGE = "UPDATE decision_records SET decided_at = decided_at - interval '2 hours' WHERE request_id = :request_id"
OF_ANOTHER_ENGINE = "UPDATE decision_records SET engine_version = :version WHERE request_id = :request_id"


@pytest.fixture(autouse=True)
async def _account(desk: Desk) -> None:
    await desk.report()
    await desk.publish()


async def change(desk: Desk, statement: str, request_id: UUID | None, **parameters: int) -> None:
    """Change what is stored of a decision behind everybody's back."""
    async with desk.engine.begin() as connection:
        await connection.execute(text(statement), {"request_id": request_id, **parameters})


def found(stdout: str) -> tuple[int, int]:
    """How many decisions were replayed, and how many differ."""
    match = re.search(r"(\d+) decisions in .*; (\d+) differ", stdout)
    assert match is not None, stdout
    return int(match[1]), int(match[2])


async def test_what_the_handler_decided_is_the_same_again(desk: Desk, lotwise: Lotwise) -> None:
    await desk.ask_at_once(*(request() for _ in range(8)))
    await desk.ask_at_once(
        request(on_insufficient_margin="shrink"),
        request(user_id="u-2"),
        request(instrument="EURUSD"),
        request(expires_at=ago(1)),
        request(entries=[builders.entry("1950", "1951"), builders.entry("1950", "1952")]),
        request(entries=[builders.entry("1950.003", "1945.001")], side="buy"),
        request(entries=[builders.entry("1950", "1700")], account={"login": 1, "server": "Test-MT5"}),
    )

    replayed = await lotwise("replay")

    assert replayed.exit_code == 0
    assert found(replayed.stdout) == (15, 0)


async def test_pages_follow_each_other_without_gap_or_overlap(desk: Desk, lotwise: Lotwise) -> None:
    too_wide = [builders.entry("1950", "1.00")]  # below the smallest volume, so that none waits for margin
    for _ in range(12):
        await desk.ask_at_once(*(request(entries=too_wide) for _ in range(100)))

    replayed = await lotwise("replay")

    assert found(replayed.stdout) == (1200, 0)


async def test_many_decisions_are_replayed_on_every_processor(
    desk: Desk, lotwise: Lotwise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.cli.pages.PROCESSES_FROM", 1)
    tampered, _, _ = await desk.ask_at_once(request(), request(), request())
    await change(desk, TAMPER, tampered.request_id)

    replayed = await lotwise("replay")

    assert (replayed.exit_code, found(replayed.stdout)) == (1, (3, 1))


async def test_nothing_decided_is_nothing_different(lotwise: Lotwise) -> None:
    replayed = await lotwise("replay")

    assert (replayed.exit_code, found(replayed.stdout)) == (0, (0, 0))


async def test_a_tampered_reply_is_told_field_by_field(desk: Desk, lotwise: Lotwise) -> None:
    decision = await desk.ask()
    await desk.ask()
    await change(desk, TAMPER, decision.request_id)

    replayed = await lotwise("replay")

    assert (replayed.exit_code, found(replayed.stdout)) == (1, (2, 1))
    assert f'  {decision.request_id}  positions.0.volume: stored "0.31", recomputed "0.30"\n' in replayed.stdout


async def test_a_difference_of_another_engine_is_a_report(desk: Desk, lotwise: Lotwise) -> None:
    decision = await desk.ask()
    await desk.ask()
    await change(desk, TAMPER, decision.request_id)
    await change(desk, OF_ANOTHER_ENGINE, decision.request_id, version=ENGINE_VERSION - 1)

    replayed = await lotwise("replay")

    assert replayed.exit_code == 0
    assert f"engine version {ENGINE_VERSION - 1}: 1 decisions, 1 differ (another engine's" in replayed.stdout
    assert f"engine version {ENGINE_VERSION}: 1 decisions, 0 differ\n" in replayed.stdout


async def test_many_differences_are_counted_after_the_first(desk: Desk, lotwise: Lotwise) -> None:
    await desk.report(balance="10000", margin_free="1000000")
    for decision in await desk.ask_at_once(*(request() for _ in range(23))):
        await change(desk, TAMPER, decision.request_id)

    replayed = await lotwise("replay")

    assert replayed.stdout.count("positions.0.volume") == 20
    assert "  … and 3 decisions more\n" in replayed.stdout


async def test_since_and_until_choose_by_time(desk: Desk, lotwise: Lotwise) -> None:
    old = await desk.ask()
    await change(desk, AGE, old.request_id)
    await desk.ask()

    assert found((await lotwise("replay", "--since", "1h")).stdout) == (1, 0)
    assert found((await lotwise("replay", "--until", ago(3600))).stdout) == (1, 0)
    assert found((await lotwise("replay", "--since", ago(3 * 3600), "--until", "1m")).stdout) == (1, 0)
    assert found((await lotwise("replay", "--since", "1d")).stdout) == (2, 0)


async def test_an_account_chooses_its_own_decisions(desk: Desk, lotwise: Lotwise) -> None:
    await desk.report(user_id="u-2", login=2)
    await desk.ask_at_once(request(), request(), request(user_id="u-2"))

    assert found((await lotwise("replay", "--account", "2@Test-MT5")).stdout) == (1, 0)
    assert (await lotwise("replay", "--account", "3@Test-MT5")).exit_code == 2


@pytest.mark.parametrize("since", ["yesterday", "24", "2026-11-22", "2026-11-22T14:00:00"])
async def test_a_time_that_cannot_be_read_is_a_wrong_usage(lotwise: Lotwise, since: str) -> None:
    replayed = await lotwise("replay", "--since", since)

    assert replayed.exit_code == 2
    assert "--since" in replayed.stderr
