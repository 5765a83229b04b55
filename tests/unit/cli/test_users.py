"""`lotwise users`: what it says before it asks the broker anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from shared.cli.__main__ import app

PASSWORD = "sixteen and more letters"
NAMES = tuple(
    f"LOTWISE_{role}_PASSWORD"
    for role in ("EA_BRIDGE", "SIGNAL_ENGINE", "OWNER", "SYNC_CONSUMER", "SIZING_WORKER", "CONFIG_SERVICE")
)
NOBODY = {"LOTWISE_AMQP_URL": "amqp://operator:secret@127.0.0.1:1/lotwise"}


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    monkeypatch.delenv("LOTWISE_RABBITMQ_API_URL", raising=False)


def run(**passwords: str) -> Result:
    return CliRunner().invoke(app, ["users"], env={**NOBODY, **passwords})


def all_passwords() -> dict[str, str]:
    return dict.fromkeys(NAMES, PASSWORD)


def test_every_missing_password_is_named_in_one_line() -> None:
    ended = run(LOTWISE_OWNER_PASSWORD=PASSWORD)

    assert ended.exit_code == 78
    assert len(ended.stderr.splitlines()) == 1
    assert [name for name in NAMES if f"{name}: is not set" in ended.stderr] == [
        name for name in NAMES if name != "LOTWISE_OWNER_PASSWORD"
    ]


def test_a_short_password_is_refused_and_not_shown() -> None:
    ended = run(**all_passwords() | {"LOTWISE_OWNER_PASSWORD": "changeme"})

    assert ended.exit_code == 78
    assert "LOTWISE_OWNER_PASSWORD: must have at least 16 characters" in ended.stderr
    assert "changeme" not in ended.stderr


def test_a_password_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "owner"
    file.write_text("short\n")

    ended = run(**all_passwords() | {"LOTWISE_OWNER_PASSWORD": "", "LOTWISE_OWNER_PASSWORD_FILE": str(file)})

    assert "LOTWISE_OWNER_PASSWORD: must have at least 16 characters" in ended.stderr  # `short` was read


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    absent = tmp_path / "absent"

    ended = run(**all_passwords() | {"LOTWISE_OWNER_PASSWORD": "", "LOTWISE_OWNER_PASSWORD_FILE": str(absent)})

    assert ended.exit_code == 78
    assert f"LOTWISE_OWNER_PASSWORD_FILE: {absent} cannot be read" in ended.stderr


def test_a_password_given_twice_is_refused(tmp_path: Path) -> None:
    ended = run(**all_passwords() | {"LOTWISE_OWNER_PASSWORD_FILE": str(tmp_path)})

    assert ended.exit_code == 78
    assert "LOTWISE_OWNER_PASSWORD_FILE is set as well" in ended.stderr
