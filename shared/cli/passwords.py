"""Passwords that the operator gives to commands: settings like any other, each in a variable or in a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, SecretStr, create_model

from shared.settings import PREFIX, Settings, load

PASSWORD_CHARACTERS_MIN = 16

SettingsT = TypeVar("SettingsT", bound=Settings)


def _long_enough(password: SecretStr) -> SecretStr:
    if len(password) < PASSWORD_CHARACTERS_MIN:
        raise ValueError(f"must have at least {PASSWORD_CHARACTERS_MIN} characters")
    return password


Password = Annotated[SecretStr, AfterValidator(_long_enough)]


def load_with_passwords(
    settings: type[SettingsT], variables: Mapping[str, str], *, kind: Any = Password
) -> tuple[SettingsT, dict[str, str]]:
    """The settings, and in the same reading the password of each name, from its variable.

    `kind` is the type of the passwords, where they must be more than long. Raises DeploymentError that names every
    variable that is missing or wrong, never its value.
    """
    fields: Any = {_field(variable): (kind, ...) for variable in variables.values()}
    model: type[SettingsT] = create_model(f"{settings.__name__}WithPasswords", __base__=settings, **fields)
    loaded = load(model)
    return loaded, {name: getattr(loaded, _field(variable)).get_secret_value() for name, variable in variables.items()}


def _field(variable: str) -> str:
    return variable.removeprefix(PREFIX).lower()
