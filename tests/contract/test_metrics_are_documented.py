"""docs/metrics.md says what each metric means: every one that a service exports, with its type and labels."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

from prometheus_client.metrics import MetricWrapperBase

import services.config_service.counts
import services.sizing_worker.counts
import services.sync_consumer.counts
from shared import metrics

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
SECTIONS = {
    "Every service": metrics,
    "sync_consumer": services.sync_consumer.counts,
    "sizing_worker": services.sizing_worker.counts,
    "config_service": services.config_service.counts,
}
SUFFIX = {"counter": "_total", "info": "_info"}
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \|([\w, ]*)\|[^|]*\|[^|]+\|$", re.MULTILINE)
Metrics = dict[str, tuple[str, str]]
"""By name: the type, and the labels in their order."""


def exported(module: ModuleType) -> Metrics:
    """What a module's metrics are called at `/metrics`."""
    found = {}
    for metric in vars(module).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            labels = ", ".join(metric._labelnames)  # noqa: SLF001  # the library tells them nowhere else
            found[family.name + SUFFIX.get(family.type, "")] = (family.type, labels)
    return found


def documented() -> dict[str, Metrics]:
    """By section of the page."""
    sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    rows = {section.partition("\n")[0]: ROW.findall(section) for section in sections}
    return {title: {name: (kind, labels.strip()) for name, kind, labels in found} for title, found in rows.items()}


def test_every_metric_stands_on_the_page_under_its_service_with_its_type_and_labels() -> None:
    page = documented()

    assert {title: page[title] for title in SECTIONS} == {title: exported(module) for title, module in SECTIONS.items()}


def test_every_name_says_whose_it_is_and_what_it_counts_by_convention() -> None:
    for name, (kind, labels) in {name: row for rows in documented().values() for name, row in rows.items()}.items():
        assert name.startswith("lotwise_")
        assert name.endswith("_total") == (kind == "counter"), name
        assert not re.search(r"\b(\w+_id|user|account|instance|login)\b", labels), name
