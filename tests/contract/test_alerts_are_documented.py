"""Each alert says how bad it is, what it is and where to read on; docs/alerts.md says what to do; and it is tested."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.messaging.topology import ACCOUNTS, CONFIG, SIZING
from tests.contract.test_metrics_are_documented import documented

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "alerts.md"
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
ALERTS: dict[str, dict[str, Any]] = {rule["alert"]: rule for rule in RULES if "alert" in rule}
TESTS = [
    tested
    for file in sorted((ROOT / "tests" / "monitoring").glob("alerts_*.yml"))
    for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]
    for tested in test["alert_rule_test"]
]
SUFFIXES = ("", "_bucket", "_sum", "_count")


def headings() -> dict[str, str]:
    """What the page says under each alert's name."""
    parts = re.split(r"^### (\w+)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_severity_a_summary_and_a_description(name: str) -> None:
    alert = ALERTS[name]

    assert alert["labels"]["severity"] in ("critical", "warning", "info")
    assert set(alert["annotations"]) == {"summary", "description", "runbook"}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_points_to_its_heading_which_tells_its_severity(name: str) -> None:
    assert ALERTS[name]["annotations"]["runbook"] == f"docs/alerts.md#{name.lower()}"
    assert headings()[name].startswith(f"\n**{ALERTS[name]['labels']['severity']}.** ")


def test_the_page_has_no_heading_of_an_alert_that_is_none() -> None:
    assert list(headings()) == list(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_tested_where_it_fires_and_where_it_does_not(name: str) -> None:
    expected = [bool(tested.get("exp_alerts")) for tested in TESTS if tested["alertname"] == name]

    assert True in expected
    assert False in expected


def test_the_alerts_ask_for_metrics_that_a_service_exports() -> None:
    exported = {name for rows in documented().values() for name in rows}
    asked = {name for rule in RULES for name in re.findall(r"(?<![:\w.])lotwise_\w+", rule["expr"])}

    assert asked <= {name + suffix for name in exported for suffix in SUFFIXES}


def test_the_alerts_look_at_the_queues_of_the_topology() -> None:
    (watched,) = [rule["expr"] for rule in RULES if rule.get("alert") == "LotwiseNotConsuming"]

    assert set(re.findall(r'queue="([^"]+)"', watched)) == {ACCOUNTS, SIZING, CONFIG}
