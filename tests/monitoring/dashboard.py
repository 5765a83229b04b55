"""The Grafana dashboard and the alert rules, as the queries that they ask."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from dev.tree import ROOT

DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "lotwise.json").read_text(encoding="utf-8"))
RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
RATE_INTERVAL = "30s"
"""What Grafana would put for `$__rate_interval` where one scrapes every second and looks at the last minutes."""
SELECTOR = re.compile(r"\b(?:lotwise|rabbitmq|up|process)\w*(?::[\w:]+)?(?:\{[^}]*\})?")


def panel_queries() -> dict[str, str]:
    """Every query, by the title of its panel and its letter there."""
    return {
        f"{panel['title']} {target['refId']}": target["expr"].replace("$__rate_interval", RATE_INTERVAL)
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", [])
    }


def annotation_queries() -> list[str]:
    """The queries of what is marked in the panels."""
    return [annotation["expr"] for annotation in DASHBOARD["annotations"]["list"]]


def rule_queries() -> dict[str, str]:
    """The expression of each rule, by its name."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return {rule.get("alert") or rule["record"]: rule["expr"] for group in groups for rule in group["rules"]}


def selectors(expression: str) -> set[str]:
    """The time series that an expression asks for: each metric with its labels."""
    return set(SELECTOR.findall(expression))
