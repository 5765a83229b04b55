"""deploy/systemd/: units that set what exists, keep secrets out of the environment, and end later than the drain."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.cli.passwords import PASSWORD_CHARACTERS_MIN
from shared.cli.roles import OWNER_PASSWORD_VARIABLE, PASSWORD_VARIABLES
from shared.cli.users import password_variables
from shared.service import ServiceSettings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "systemd"
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES = {
    "sync_consumer": "lotwise-sync-consumer@.service",
    "sizing_worker": "lotwise-sizing-worker@.service",
    "config_service": "lotwise-config-service@.service",
}
SETUP = "lotwise-setup.service"
STOP_MARGIN_S = 5


def settings_of(unit: str) -> dict[str, list[str]]:
    """The values of each key of a unit, in their order."""
    found: dict[str, list[str]] = {}
    for line in (FOLDER / unit).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"(\w+)=(.*)$", line):
            found.setdefault(match[1], []).append(match[2])
    return found


def environment_of(unit: str) -> dict[str, str]:
    """The variables that a unit sets by itself."""
    return dict(entry.split("=", 1) for entry in settings_of(unit)["Environment"])


@pytest.mark.parametrize("service", SERVICES)
def test_a_unit_runs_its_service_from_the_release_that_is_current_when_it_starts(service: str) -> None:
    (command,) = settings_of(SERVICES[service])["ExecStart"]

    assert command.endswith(f"""exec "$$(readlink -f /opt/lotwise/current)/bin/python" -m services.{service}'""")


@pytest.mark.parametrize("unit", [*SERVICES.values(), SETUP])
def test_every_variable_is_one_that_somebody_reads_and_every_secret_a_file(unit: str) -> None:
    passwords = {OWNER_PASSWORD_VARIABLE, *PASSWORD_VARIABLES.values(), *password_variables().values()}

    for name, value in environment_of(unit).items():
        plain = name.removesuffix("_FILE")
        assert f"`{plain}`" in CONFIGURATION or plain in passwords
        assert value == "%i" if name == "LOTWISE_ADMIN_PORT" else value.startswith("%d/")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_handed_exactly_the_secrets_that_it_names(service: str) -> None:
    unit = SERVICES[service]
    handed = dict(entry.split(":", 1) for entry in settings_of(unit)["LoadCredential"])
    named = {value.removeprefix("%d/") for value in environment_of(unit).values() if value.startswith("%d/")}

    assert handed.keys() == named
    assert {Path(path).name for path in handed.values()} == {f"{service.replace('_', '-')}.{name}" for name in named}


def test_the_setup_has_the_password_of_every_role_and_does_what_it_does_in_compose() -> None:
    passwords = {OWNER_PASSWORD_VARIABLE, *PASSWORD_VARIABLES.values(), *password_variables().values()}
    (command,) = settings_of(SETUP)["ExecStart"]

    assert environment_of(SETUP).keys() == {
        f"{name}_FILE" for name in {"LOTWISE_DATABASE_URL", "LOTWISE_AMQP_URL", *passwords}
    }
    assert "lotwise roles; lotwise migrate; lotwise topology; lotwise users" in command
    assert "lotwise roles; lotwise migrate; lotwise topology; lotwise users" in COMPOSE


def test_the_page_makes_the_password_of_every_role_long_enough() -> None:
    made = set(re.findall(r"\w+", PAGE.partition("for name in ")[2].partition("; do")[0]))
    files = {value.removeprefix("%d/setup_") for value in environment_of(SETUP).values()}

    assert {f"{name}_password" for name in made} == files - {"database_url", "amqp_url"}
    assert PASSWORD_CHARACTERS_MIN <= 64  # what `openssl rand -hex 32` prints


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_finish_what_it_holds_before_it_is_killed(service: str) -> None:
    (timeout_s,) = settings_of(SERVICES[service])["TimeoutStopSec"]

    assert int(timeout_s) >= ServiceSettings.model_fields["drain_timeout_seconds"].default + STOP_MARGIN_S


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_fails_is_started_again_without_end(service: str) -> None:
    unit = settings_of(SERVICES[service])

    assert (unit["Restart"], unit["StartLimitIntervalSec"]) == (["on-failure"], ["0"])


@pytest.mark.parametrize("unit", [*SERVICES.values(), SETUP])
def test_the_journal_tells_which_unit_wrote_a_line(unit: str) -> None:
    assert settings_of(unit)["SyslogIdentifier"] == ["%N"]


@pytest.mark.parametrize(
    "wall", ["DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="]
)
def test_every_unit_is_closed_in_the_same_way(wall: str) -> None:
    closed = (FOLDER / "lotwise-.service.d" / "closed.conf").read_text(encoding="utf-8").splitlines()

    assert wall in closed
    assert all(unit.name.startswith("lotwise-") for unit in FOLDER.glob("*.service"))
