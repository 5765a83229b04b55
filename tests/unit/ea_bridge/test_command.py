"""`python -m examples.ea_bridge`: what it prints and how it ends, without a broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from examples.ea_bridge.__main__ import app
from tests.unit.ea_bridge.bridges import EXAMPLE


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """The command logs to a standard error that is closed with its test."""
    yield
    structlog.reset_defaults()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["--config", str(EXAMPLE), *arguments])


def test_a_dry_run_prints_the_messages_one_a_line() -> None:
    result = run("--terminal", "demo", "--once", "--dry-run")
    assert result.exit_code == 0
    lines = [line.split(" ", 1) for line in result.stdout.splitlines()]
    assert [name for name, _ in lines] == ["account.instruments.v1", "account.snapshot.v1"]
    assert [json.loads(body)["user_id"] for _, body in lines] == ["user-1", "user-1"]


def test_without_the_package_it_says_what_to_install() -> None:
    result = run("--once", "--dry-run")
    assert result.exit_code == 78
    assert "pip install MetaTrader5" in result.stderr


def test_without_a_broker_it_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOTWISE_EA_BRIDGE_AMQP_URL", raising=False)
    result = run("--terminal", "demo", "--once")
    assert result.exit_code == 78
    assert "LOTWISE_EA_BRIDGE_AMQP_URL is not set" in result.stderr


def test_a_wrong_file_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--config", str(tmp_path / "none.toml")])
    assert result.exit_code == 78
    assert "none.toml" in result.stderr
