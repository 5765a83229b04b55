"""What `lotwise watch` shows of what it hears, and in which words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.cli.event_lines import describe
from shared.cli.watch import Watching
from shared.schemas.account import AccountRefused
from shared.schemas.config import ConfigChanged, Schedule, WorkerState
from shared.schemas.sizing import SizingDecision

AT = datetime(2026, 11, 22, 14, tzinfo=UTC)
ACCOUNT = {"login": 590338389, "server": "FxPro-MT5 Demo"}


def decision(**fields: Any) -> SizingDecision:
    given = {
        "request_id": "8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10",
        "setup_id": "setup-001",
        "user_id": "u-17",
        "account": {**ACCOUNT, "currency": "GBP"},
        "instrument": "XAUUSD",
        "symbol": "GOLD.r",
        "side": "buy",
        "status": "approved",
        "reasons": [],
        "positions": [],
        "summary": {"total_volume": "3.77"},
        "config_version": 1,
        "captured_at": AT,
        "decided_at": AT,
        "reservation_expires_at": None,
        **fields,
    }
    return SizingDecision.model_validate(given)


def refusal(**fields: Any) -> AccountRefused:
    given = {"user_id": "u-17", "account": ACCOUNT, "captured_at": AT, "code": "account_owner_mismatch", **fields}
    return AccountRefused.model_validate(given)


def worker(version: int, *, instance: str = "sizing_worker.a") -> WorkerState:
    return WorkerState(instance=instance, service="sizing_worker", config_version=version, at=AT)


def changed(**fields: Any) -> ConfigChanged:
    splits = {"entry_1_percent": "0.5", "entry_2_percent": "0.35", "entry_3_percent": "0.15"}
    given = {
        "config_version": 7,
        "fixed_risk_percent": "2.5",
        "entry_splits": splits,
        "margin_buffer_percent": "20",
        "updated_at": AT,
        "updated_by": "owner-1",
        "reason": "NFP",
        **fields,
    }
    return ConfigChanged.model_validate(given)


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def watching(*kinds: str, user: str | None = None, count: int | None = None, as_json: bool = False) -> Watching:
    return Watching(frozenset(kinds), user=user, count=count, as_json=as_json)


def test_a_decision_is_one_line_with_lots_account_user_and_request() -> None:
    line = describe(decision())
    assert (line.kind, line.word, line.colour) == ("decision", "approved", "green")
    assert line.rest == (
        "buy XAUUSD  3.77 lots  590338389@FxPro-MT5 Demo  u-17  8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10"
        "  2026-11-22T14:00:00Z"
    )


def test_a_rejection_says_why_instead_of_how_much() -> None:
    reason = {"code": "account_stale", "message": "The snapshot is too old"}
    line = describe(decision(status="rejected", reasons=[reason], summary={}))
    assert line.rest.startswith("buy XAUUSD  account_stale  590338389@")


def test_a_refusal_a_change_a_plan_and_a_worker_have_their_words() -> None:
    plan = Schedule.model_validate(
        {
            "schedule_id": "bd05f54d-00cf-5e1f-a6df-d4c0a1dcc159",
            "state": "missed",
            "new_risk_percent": "1.5",
            "effective_at": AT,
            "reason": None,
            "planned_by": "owner-1",
            "planned_at": AT,
        }
    )
    lines = [describe(event) for event in (refusal(account=None), changed(), plan, worker(7))]
    assert [(line.kind, line.word, line.rest) for line in lines] == [
        ("refusal", "refused", "account_owner_mismatch  no account  u-17  2026-11-22T14:00:00Z"),
        ("config", "changed", "configuration 7  2.5 %, splits 0.5/0.35/0.15, buffer 20 %  by owner-1: NFP"),
        ("schedule", "missed", "1.5 % planned for 2026-11-22T14:00:00Z by owner-1"),
        ("worker", "runs", "configuration 7  sizing_worker.a  2026-11-22T14:00:00Z"),
    ]


def test_nothing_that_somebody_wrote_moves_the_cursor() -> None:
    assert r"by owner-1: \u001b[2J\u000anext" in describe(changed(reason="\x1b[2J\nnext")).rest


def test_a_worker_is_told_of_once_for_each_version(capsys: pytest.CaptureFixture[str]) -> None:
    watched = watching()
    for state in (worker(7), worker(7), worker(7, instance="sizing_worker.b"), worker(8), worker(8)):
        watched.hear(state)
    assert [line.split()[3:5] for line in shown(capsys)] == [
        ["7", "sizing_worker.a"],
        ["7", "sizing_worker.b"],
        ["8", "sizing_worker.a"],
    ]


def test_only_what_is_meant_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    watched = watching("decision", "refusal", user="u-17")
    for event in (decision(user_id="u-1"), refusal(), changed(), worker(7), decision()):
        watched.hear(event)
    assert [line.split()[0] for line in shown(capsys)] == ["refusal", "decision"]


def test_programs_get_each_event_on_a_line_with_its_schema(capsys: pytest.CaptureFixture[str]) -> None:
    watched = watching(as_json=True)
    for event in (refusal(), worker(7)):
        watched.hear(event)
    refused, state = [json.loads(line) for line in shown(capsys)]
    assert (refused["event"], refused["account"], refused["code"]) == (
        *("account.refused.v1", ACCOUNT, "account_owner_mismatch"),
    )
    assert (state["event"], state["config_version"]) == ("worker.state.v1", 7)


def test_after_as_many_as_were_asked_for_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    watched = watching("worker", count=2)
    for event in (worker(7), changed(), worker(8)):
        assert not watched.ended.is_set()
        watched.hear(event)
    assert watched.ended.is_set()
    watched.hear(worker(9))
    assert len(shown(capsys)) == 2
