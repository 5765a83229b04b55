"""The alert rules, by Prometheus's own tool: they are well formed, fire where they must, and only there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dev.servers.prometheus import find_program
from dev.tree import ROOT

HERE = Path(__file__).parent
RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"

pytestmark = pytest.mark.promtool


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it to its end; what it says is the assertion's message."""
    return subprocess.run(  # noqa: S603  # our own files
        [find_program("promtool"), *map(str, arguments)], check=False, capture_output=True, text=True, timeout=110
    )


@pytest.mark.parametrize("tests", sorted(HERE.glob("alerts_*.yml")), ids=lambda file: file.stem)
def test_the_rules_fire_where_they_must_and_only_there(tests: Path) -> None:
    ended = promtool("test", "rules", tests)

    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_rules_and_configuration_are_well_formed() -> None:
    rules = promtool("check", "rules", RULES)
    configuration = promtool("check", "config", RULES.parent / "prometheus.yml")

    assert rules.returncode == 0, rules.stderr
    assert configuration.returncode == 0, configuration.stderr
