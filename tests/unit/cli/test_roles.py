"""`lotwise roles`: what it says before it asks the database anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from shared.cli.__main__ import app

PASSWORD = "sixteen and more letters"
NAMES = (
    "LOTWISE_DATABASE_OWNER_PASSWORD",
    "LOTWISE_SYNC_CONSUMER_DATABASE_PASSWORD",
    "LOTWISE_SIZING_WORKER_DATABASE_PASSWORD",
    "LOTWISE_CONFIG_SERVICE_DATABASE_PASSWORD",
)
NOBODY = {"LOTWISE_DATABASE_URL": "postgresql://operator:secret@127.0.0.1:1/lotwise"}


def run(**settings: str) -> Result:
    return CliRunner().invoke(app, ["roles"], env={**NOBODY, **dict.fromkeys(NAMES, PASSWORD), **settings})


def test_every_missing_password_is_named() -> None:
    ended = run(**dict.fromkeys(NAMES, ""))

    assert ended.exit_code == 78
    assert all(f"{name}: is not set" in ended.stderr for name in NAMES)


def test_a_password_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "owner"
    file.write_text("short\n")

    ended = run(LOTWISE_DATABASE_OWNER_PASSWORD="", LOTWISE_DATABASE_OWNER_PASSWORD_FILE=str(file))

    assert "LOTWISE_DATABASE_OWNER_PASSWORD: must have at least 16 characters" in ended.stderr  # `short` was read


def test_a_password_that_client_and_server_might_read_differently_is_refused_and_not_shown() -> None:
    ended = run(LOTWISE_SIZING_WORKER_DATABASE_PASSWORD="sechzehn Buchstaben: ä")

    assert ended.exit_code == 78
    assert "LOTWISE_SIZING_WORKER_DATABASE_PASSWORD: must be printable ASCII" in ended.stderr
    assert "Buchstaben" not in ended.stderr


@pytest.mark.parametrize("prefix", ["pg_lotwise", 'a"; DROP TABLE decisions', "Lotwise", "a" * 41])
def test_a_prefix_that_is_no_plain_identifier_is_refused(prefix: str) -> None:
    ended = run(LOTWISE_DATABASE_ROLE_PREFIX=prefix)

    assert ended.exit_code == 78
    assert "LOTWISE_DATABASE_ROLE_PREFIX: " in ended.stderr
