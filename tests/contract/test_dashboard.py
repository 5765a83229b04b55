"""The Grafana dashboard is one that Grafana can draw, and asks for metrics that there are."""

from __future__ import annotations

import re

from tests.contract.test_alerts_are_documented import SUFFIXES
from tests.contract.test_metrics_are_documented import documented
from tests.monitoring.dashboard import DASHBOARD, annotation_queries, panel_queries

COLUMNS = 24
PANELS = DASHBOARD["panels"]


def test_every_panel_has_an_id_of_its_own_and_asks_the_chosen_prometheus() -> None:
    ids = [panel["id"] for panel in PANELS]
    asked = {target["datasource"]["uid"] for panel in PANELS for target in panel.get("targets", [])}

    assert len(set(ids)) == len(ids)
    assert asked == {"${datasource}"}


def test_no_panel_lies_upon_another() -> None:
    cells = [
        (column, line)
        for place in (panel["gridPos"] for panel in PANELS)
        for column in range(place["x"], place["x"] + place["w"])
        for line in range(place["y"], place["y"] + place["h"])
    ]

    assert len(set(cells)) == len(cells)
    assert all(column < COLUMNS for column, _ in cells)


def test_it_asks_for_metrics_that_a_service_exports() -> None:
    exported = {name + suffix for rows in documented().values() for name in rows for suffix in SUFFIXES}
    queries = [*panel_queries().values(), *annotation_queries()]

    assert {name for query in queries for name in re.findall(r"(?<![:\w.])lotwise_\w+", query)} <= exported


def test_every_metric_of_the_page_that_is_worth_a_look_is_on_it() -> None:
    shown = " ".join(panel_queries().values())
    exported = {name for rows in documented().values() for name in rows}

    assert {name for name in exported if name not in shown} == {
        "lotwise_accounts_marked_stale_total",  # the accounts by status tell more
        "lotwise_outbox_pending",  # its age tells more
        "lotwise_retention_removed_total",
        "lotwise_worker_announcements_ignored_total",
        "lotwise_streams_ended_total",
    }
