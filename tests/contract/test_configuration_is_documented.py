"""docs/configuration.md says what an operator may set: every variable of every service, with its default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from services.config_service.settings import ConfigServiceSettings
from services.sizing_worker.settings import SizingWorkerSettings
from services.sync_consumer.settings import SyncConsumerSettings

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def documented() -> dict[str, str]:
    """The default that the page gives for each variable."""
    rows = re.findall(r"^\| `(LOTWISE_[A-Z_]+)` \| ([^|]+) \| [^|]+ \|$", PAGE.read_text(), flags=re.MULTILINE)
    return dict(rows)


@pytest.mark.parametrize("settings", [SyncConsumerSettings, SizingWorkerSettings, ConfigServiceSettings])
def test_every_setting_stands_on_the_page_with_its_default(settings: type[BaseSettings]) -> None:
    page = documented()

    for name, field in settings.model_fields.items():
        default = "none, required" if field.is_required() else str(field.default)
        cell = page[f"LOTWISE_{name.upper()}"]
        assert default in (cell, *cell.split(", ")), name


def test_the_page_names_no_variable_that_nobody_reads() -> None:
    read = {
        f"LOTWISE_{name.upper()}"
        for settings in (SyncConsumerSettings, SizingWorkerSettings, ConfigServiceSettings)
        for name in settings.model_fields
    }

    assert set(documented()) == read
