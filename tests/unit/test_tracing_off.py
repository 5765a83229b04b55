"""Off, tracing costs nothing: no part of OpenTelemetry that traces is imported, and a handler is the very same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest

from dev.tree import ROOT
from shared.errors import DeploymentError
from shared.messaging.delivery import Delivery
from shared.messaging.outcomes import Outcome
from shared.tracing import traced

IMPORTED = """
import sys
import services.config_service.__main__, services.sizing_worker.__main__, services.sync_consumer.__main__
tracing = ("opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry.instrumentation", "shared.tracing.")
print([name for name in sys.modules if name.startswith(tracing)])
"""


async def handler(deliveries: Sequence[Delivery]) -> list[Outcome]:
    """Does nothing."""
    del deliveries
    return []


def test_a_handler_is_left_as_it_is() -> None:
    assert traced(handler, on=False, queue="q", service="s", instance="i") is handler


def test_on_without_its_packages_it_says_which_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "shared.tracing.export", raising=False)

    with pytest.raises(DeploymentError, match=r"LOTWISE_TRACING: opentelemetry.* is not installed"):
        traced(handler, on=True, queue="q", service="s", instance="i")


def test_the_services_import_nothing_that_traces() -> None:
    # FastAPI imports OpenTelemetry's API by itself where that is installed; without an SDK it does nothing.
    ended = subprocess.run(  # noqa: S603  # our own text
        [sys.executable, "-c", IMPORTED], check=True, cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert ended.stdout.strip() == "[]"
