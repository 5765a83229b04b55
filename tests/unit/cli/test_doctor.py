"""What the doctor makes of what it was told: each thing that may be wrong, alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.cli.doctor.broker import BrokerFacts, clock, judge_broker, judge_consumers, judge_parked, skew_s
from shared.cli.doctor.database import ContentFacts, DatabaseFacts, judge_content, judge_database, judge_roles
from shared.cli.doctor.finding import Finding, exit_status, fail, ok, unknown, warn
from shared.cli.doctor.outside import judge_expiry, judge_workers
from shared.messaging.permissions import permission_rows
from shared.messaging.topology import ACCOUNTS, ROLES, SIZING

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
HEAD = "0007"
USERS = {role.name: role.name for role in ROLES}
RIGHTS = permission_rows(USERS, virtual_host="/")
BROKER = BrokerFacts(
    version="4.1.2",
    nodes=[{"name": "one", "mem_alarm": False, "disk_free_alarm": False, "running": True, "partitions": []}],
    differences=[],
    users={**{user: [] for user in USERS.values()}, "operator": ["administrator"]},
    permissions=[*RIGHTS["permissions"], {"user": "operator", "configure": ".*", "write": ".*", "read": ".*"}],
    topic_permissions=RIGHTS["topic_permissions"],
    ahead_s=0.0,
)
DATABASE = DatabaseFacts(
    version="15.18", migration=HEAD, ahead_s=0.0, longest_transaction_s=None, connections=10, connections_max=100
)
PARTITIONS = frozenset(
    {
        "user_mt5_sync_logs_p20260822",
        "user_mt5_sync_logs_p20261122",
        "user_mt5_sync_logs_p20261123",
        "trade_setup_risk_logs_p202611",
        "trade_setup_risk_logs_p202612",
    }
)
CONTENT = ContentFacts(
    now=NOW,
    partitions=PARTITIONS,
    default_rows=[],
    configurations=1,
    versions=7,
    version_max=7,
    outbox_age_s=None,
    overdue=0,
    overdue_s=None,
    accounts=10,
    stale=5,
)


def odd(findings: Iterable[Finding]) -> dict[str, str]:
    """What is not ok, by its check; whatever is not, says what to do."""
    found = {finding.check: finding for finding in findings if finding.status != "ok"}
    assert all(finding.advice for finding in found.values())
    return {check: finding.status for check, finding in found.items()}


def node(**state: Any) -> list[dict[str, Any]]:
    return [{"name": "one", "running": True, **state}]


def without(rows: Any, **names: str) -> list[Any]:
    return [row for row in rows if any(row[field] != name for field, name in names.items())]


def changed(rows: Any, user: str, **fields: str) -> list[Any]:
    return [{**row, **fields} if row["user"] == user else row for row in rows]


def test_where_all_is_well_everything_is_ok() -> None:
    judged = [
        *judge_broker(BROKER),
        *judge_database(DATABASE, HEAD),
        *judge_content(CONTENT, sync_log_days=90),
        judge_roles([]),
    ]

    assert odd(judged) == {}
    assert exit_status(judged) == 0


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"version": "3.9.29"}, {"broker version": "fail"}),
        ({"version": "3.10.8"}, {}),
        ({"version": "3.13.1"}, {"broker version": "warn"}),
        ({"nodes": node(mem_alarm=True)}, {"broker alarms": "fail"}),
        ({"nodes": node(disk_free_alarm=True)}, {"broker alarms": "fail"}),
        ({"nodes": node(running=False)}, {"broker alarms": "fail"}),
        ({"nodes": node(partitions=["two"])}, {"broker alarms": "fail"}),
        ({"differences": ["queue lotwise.sizing: missing"]}, {"topology": "fail"}),
        ({"ahead_s": -3.1}, {"clock of the broker": "warn"}),
        ({"ahead_s": None}, {"clock of the broker": "unknown"}),
    ],
)
def test_a_broker_that_is_not_as_it_should_be_is_named(facts: dict[str, Any], expected: dict[str, str]) -> None:
    assert odd(judge_broker(replace(BROKER, **facts))) == expected


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (
            {"permissions": without(BROKER.permissions, user="ea-bridge")},
            "role ea-bridge has no user",
        ),
        (
            {"permissions": changed(BROKER.permissions, "ea-bridge", read=".*")},
            "ea-bridge may read .*, not ^$",
        ),
        (
            {"permissions": [*BROKER.permissions, {"user": "guest", "configure": "", "write": "", "read": ""}]},
            "guest is nobody's user, and may use the virtual host",
        ),
        ({"users": {**BROKER.users, "owner": ["monitoring"]}}, "owner has the tags monitoring"),
        (
            {"topic_permissions": without(BROKER.topic_permissions, user="ea-bridge", exchange=ACCOUNTS)},
            f"ea-bridge has no topic permission on {ACCOUNTS}, and is held to no key",
        ),
        (
            {"topic_permissions": changed(BROKER.topic_permissions, "signal-engine", write=".*")},
            f"signal-engine may write the keys .* on {SIZING}, not ^sizing\\.(request|outcome)$",
        ),
    ],
)
def test_a_right_that_a_role_has_not_or_should_not_have_is_told(facts: dict[str, Any], told: str) -> None:
    (finding,) = (one for one in judge_broker(replace(BROKER, **facts)) if one.check == "broker permissions")

    assert finding.status == "fail"
    assert told in finding.found


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"migration": None}, {"migrations": "fail"}),
        ({"migration": "0006"}, {"migrations": "fail"}),
        ({"migration": "0008"}, {"migrations": "warn"}),
        ({"ahead_s": 2.0}, {"clock of the database": "warn"}),
        ({"ahead_s": -30.0}, {"clock of the database": "fail"}),
        ({"longest_transaction_s": 59.9}, {}),
        ({"longest_transaction_s": 60.0}, {"transactions": "warn"}),
        ({"connections": 80}, {"connections": "warn"}),
    ],
)
def test_a_database_that_is_not_as_it_should_be_is_named(facts: dict[str, Any], expected: dict[str, str]) -> None:
    assert odd(judge_database(replace(DATABASE, **facts), HEAD)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"partitions": PARTITIONS - {"user_mt5_sync_logs_p20261123"}}, {"partitions": "fail"}),
        ({"partitions": PARTITIONS - {"trade_setup_risk_logs_p202612"}}, {"partitions": "fail"}),
        ({"default_rows": ["user_mt5_sync_logs"]}, {"default partitions": "warn"}),
        ({"partitions": PARTITIONS | {"user_mt5_sync_logs_p20260821"}}, {"retention": "warn"}),
        ({"configurations": 0}, {"configuration": "fail"}),
        ({"versions": 6}, {"configuration": "fail"}),
        ({"outbox_age_s": 59.0}, {}),
        ({"outbox_age_s": 60.0}, {"outbox": "fail"}),
        ({"overdue": 1, "overdue_s": 60.0}, {"schedules": "fail"}),
        ({"stale": 6}, {"stale accounts": "warn"}),
    ],
)
def test_what_lies_in_the_database_and_should_not_is_named(facts: dict[str, Any], expected: dict[str, str]) -> None:
    assert odd(judge_content(replace(CONTENT, **facts), sync_log_days=90)) == expected


@pytest.mark.parametrize(("days", "expected"), [(30, {"retention": "warn"}), (365, {}), (0, {})])
def test_the_sync_log_is_judged_by_how_long_it_is_to_be_kept(days: int, expected: dict[str, str]) -> None:
    assert odd(judge_content(CONTENT, sync_log_days=days)) == expected


def test_a_change_of_the_year_has_its_partitions() -> None:
    eve = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    made = frozenset(
        {
            "user_mt5_sync_logs_p20261231",
            "user_mt5_sync_logs_p20270101",
            "trade_setup_risk_logs_p202612",
            "trade_setup_risk_logs_p202701",
        }
    )

    assert odd(judge_content(replace(CONTENT, now=eve, partitions=made), sync_log_days=90)) == {}


def test_a_queue_that_nobody_consumes_or_that_is_not_there_has_failed() -> None:
    assert odd(judge_consumers({"one": 1, "idle": 0, "gone": None})) == {
        "workers of idle": "fail",
        "workers of gone": "fail",
    }


def test_what_is_parked_is_told_by_its_reasons() -> None:
    empty, full, hidden = judge_parked(
        {"one": Counter(), "two": Counter({"invalid_message": 2, "internal_error": 1}), "three": None}
    )

    assert [empty.status, full.status, hidden.status] == ["ok", "warn", "unknown"]
    assert full.found == "2 × invalid_message, 1 × internal_error"


def test_workers_that_are_behind_or_missing_are_named_with_the_version_in_force() -> None:
    workers = [{"instance": name, "state": state} for name, state in (("a", "current"), ("b", "behind"))]
    all_well = judge_workers({"config_version": 3, "workers": workers[:1]})
    late = judge_workers({"config_version": 3, "workers": workers})

    assert (all_well.status, all_well.found) == ("ok", "1 run version 3")
    assert (late.status, late.found) == ("warn", "version 3; b is behind")


@pytest.mark.parametrize(("days", "status"), [(-1, "fail"), (2, "fail"), (3, "warn"), (20, "warn"), (21, "ok")])
def test_a_certificate_is_to_be_renewed_in_time(days: int, status: str) -> None:
    assert judge_expiry("certificate", days).status == status


@pytest.mark.parametrize(("ahead_s", "status"), [(2.9, "ok"), (-2.9, "ok"), (3.0, "warn"), (31.0, "fail")])
def test_a_clock_that_is_read_to_a_second_may_be_off_by_one_second_more(ahead_s: float, status: str) -> None:
    assert clock("clock", ahead_s, precision_s=1.0).status == status


def test_a_clock_is_compared_with_the_middle_of_the_time_in_which_it_was_read() -> None:
    assert skew_s(NOW + timedelta(seconds=6), NOW, NOW + timedelta(seconds=2)) == 5.0


def test_what_failed_weighs_more_than_what_could_not_be_checked() -> None:
    fine, look, wrong, dark = ok("a", ""), warn("b", "", "c"), fail("d", "", "e"), unknown("f", "", "g")

    assert exit_status([fine, look]) == 0
    assert exit_status([fine, dark]) == 2
    assert exit_status([dark, wrong]) == 1
