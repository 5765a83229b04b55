"""docker-compose.yml asks for no variable that deploy/ does not name, and takes no secret from anywhere but there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.cli.passwords import PASSWORD_CHARACTERS_MIN
from shared.cli.roles import OWNER_PASSWORD_VARIABLE, PASSWORD_VARIABLES
from shared.cli.users import password_variable
from shared.database.privileges import SERVICE_ROLES, role_name
from shared.database.roles import RoleSettings
from shared.messaging.topology import ROLES

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "deploy" / "compose.env.example").read_text(encoding="utf-8")
PAGE = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")

REQUIRED = set(re.findall(r"\$\{(\w+):\?", COMPOSE))
OPTIONAL = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE))


def test_a_variable_is_required_or_has_a_default_and_never_falls_back_to_nothing() -> None:
    assert set(re.findall(r"\$\{?(\w+)", COMPOSE)) == REQUIRED | set(OPTIONAL)
    assert all(OPTIONAL.values())


def test_the_example_leaves_exactly_the_required_ones_to_be_filled_in() -> None:
    assert set(re.findall(r"^(\w+)=$", EXAMPLE, re.MULTILINE)) == REQUIRED


def test_the_example_shows_the_defaults_of_the_others() -> None:
    assert dict(re.findall(r"^#(\w+)=(.+)$", EXAMPLE, re.MULTILINE)) == OPTIONAL


@pytest.mark.parametrize("name", sorted(REQUIRED | set(OPTIONAL)))
def test_the_page_says_what_a_variable_means(name: str) -> None:
    _, _, variables = PAGE.partition("## What each variable means")

    assert f"`{name}`" in variables


def test_the_broker_user_of_every_role_gets_a_password() -> None:
    assert {password_variable(role.name) for role in ROLES} <= REQUIRED
    assert f"at least {PASSWORD_CHARACTERS_MIN} characters" in PAGE


def test_every_database_role_gets_a_password() -> None:
    assert {role.service for role in SERVICE_ROLES} == PASSWORD_VARIABLES.keys()
    assert {OWNER_PASSWORD_VARIABLE, *PASSWORD_VARIABLES.values()} <= REQUIRED


@pytest.mark.parametrize("service", [role.service for role in SERVICE_ROLES])
def test_each_service_connects_to_the_database_as_itself_and_nobody_as_the_superuser(service: str) -> None:
    block = re.split(r"\n  (?=\w+:\n)", COMPOSE.partition("\nservices:\n")[2])
    (own,) = [part for part in block if part.startswith(f"{service}:")]
    role = role_name(str(RoleSettings.model_fields["database_role_prefix"].default), service)

    assert f"postgresql://{role}:${{{PASSWORD_VARIABLES[service]}:?" in own
    assert "POSTGRES_PASSWORD" not in own
