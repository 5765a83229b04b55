"""Passwords that the operator gives to commands, each in a variable or in the file that another variable names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from shared.errors import DeploymentError

PASSWORD_CHARACTERS_MIN = 16


def read_passwords(variables: Mapping[str, str]) -> dict[str, str]:
    """The password of each name, from the variable of it, or from the file that the variable with `_FILE` names.

    Raises DeploymentError that names every variable that is missing or wrong, never its value.
    """
    found: dict[str, str] = {}
    faults = []
    for name, variable in variables.items():
        try:
            found[name] = _password(variable)
        except DeploymentError as fault:
            faults.append(str(fault))
    if faults:
        raise DeploymentError("; ".join(faults))
    return found


def _password(name: str) -> str:
    given, file = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if given and file:
        raise DeploymentError(f"{name}: {name}_FILE is set as well; set one of them")
    if not given and not file:
        raise DeploymentError(f"{name}: is not set, and has no default")
    password = given or _content(f"{name}_FILE", Path(file or ""))
    if len(password) < PASSWORD_CHARACTERS_MIN:
        raise DeploymentError(f"{name}: must have at least {PASSWORD_CHARACTERS_MIN} characters")
    return password


def _content(name: str, file: Path) -> str:
    """What `file` holds, without the end of its line."""
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise DeploymentError(f"{name}: {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DeploymentError(f"{name}: {file} is not text") from None
