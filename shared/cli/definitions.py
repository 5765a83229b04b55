"""`lotwise definitions`: the virtual host, its topology, users and permissions as a file that RabbitMQ loads."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.cli.passwords import load_with_passwords
from shared.cli.terminal import clear_failures, say
from shared.cli.users import password_variables
from shared.errors import DeploymentError
from shared.messaging.definitions import definitions as whole
from shared.messaging.permissions import SALT_BYTES, user_row
from shared.settings import Settings


def definitions(
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write it there, readable by you only.")
    ] = None,
    virtual_host: Annotated[
        str, typer.Option("--virtual-host", metavar="NAME", help="The virtual host that it is all in.")
    ] = "lotwise",
    no_users: Annotated[  # noqa: FBT002 - typer's way to declare a flag
        bool, typer.Option("--no-users", help="Leave out users and permissions; `lotwise users` makes them.")
    ] = False,
) -> None:
    """Write everything that Lotwise needs on the broker as RabbitMQ's definitions, for a broker that loads them at
    start (`load_definitions`) or takes them by `POST /api/definitions`.

    Asks no broker. Reads each role's password, as `lotwise users` does (LOTWISE_EA_BRIDGE_PASSWORD and so on, or the
    same name and `_FILE`), and writes salted hashes of them. An administrator is not in it.
    """
    with clear_failures():
        text = json.dumps(_without_users(virtual_host) if no_users else _with_users(virtual_host), indent=2) + "\n"
        if output is None:
            typer.echo(text, nl=False)
        else:
            _write(output, text)
            say(f"definitions of virtual host {virtual_host} written to {output}")


def _with_users(virtual_host: str) -> dict[str, list[dict[str, Any]]]:
    _, passwords = load_with_passwords(Settings, password_variables())
    rows = [user_row(name, password, salt=secrets.token_bytes(SALT_BYTES)) for name, password in passwords.items()]
    return whole(virtual_host, users={name: name for name in passwords}, user_rows=rows)


def _without_users(virtual_host: str) -> dict[str, list[dict[str, Any]]]:
    return whole(virtual_host, users={})


def _write(file: Path, text: str) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise DeploymentError(f"--output: {file} cannot be written: {error.strerror}") from None
