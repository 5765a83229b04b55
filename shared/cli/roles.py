"""`lotwise roles`: a database role for each service, and one that owns the tables; or how they differ from that."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from pydantic import AfterValidator, SecretStr

from shared.cli.passwords import Password, load_with_passwords
from shared.cli.terminal import clear_failures
from shared.settings import PREFIX, load


def roles(
    check: Annotated[  # noqa: FBT002 - typer's way to declare a flag
        bool, typer.Option("--check", help="Change nothing; name each difference, one a line, and exit 1 if any.")
    ] = False,
) -> None:
    """Make the database's roles or bring them up to date: an owner for `lotwise migrate`, and one for each service.

    Reads LOTWISE_DATABASE_URL (a superuser, or a role that may create roles and databases and owns this one),
    LOTWISE_DATABASE_ROLE_PREFIX (`lotwise`), LOTWISE_DATABASE_ROLE_CONNECTIONS (50), and the passwords:
    LOTWISE_DATABASE_OWNER_PASSWORD, LOTWISE_SYNC_CONSUMER_DATABASE_PASSWORD, LOTWISE_SIZING_WORKER_DATABASE_PASSWORD,
    LOTWISE_CONFIG_SERVICE_DATABASE_PASSWORD; or, under the same name and `_FILE`, the file that holds it. With --check
    it needs no password. Run `lotwise migrate` afterwards: it makes the grants.
    """
    # SQLAlchemy takes a second to load, which no other command should wait for.
    from shared.cli.role_making import check_roles, set_up_roles  # noqa: PLC0415
    from shared.database.privileges import OWNER, role_name  # noqa: PLC0415
    from shared.database.roles import RoleSettings  # noqa: PLC0415

    with clear_failures():
        if check:
            asyncio.run(check_roles(load(RoleSettings)))
            return
        variables = {OWNER: OWNER_PASSWORD_VARIABLE, **PASSWORD_VARIABLES}
        settings, given = load_with_passwords(RoleSettings, variables, kind=PrintablePassword)
        prefix = settings.database_role_prefix
        asyncio.run(set_up_roles(settings, {role_name(prefix, who): password for who, password in given.items()}))


OWNER_PASSWORD_VARIABLE = f"{PREFIX}DATABASE_OWNER_PASSWORD"

PASSWORD_VARIABLES = {
    service: f"{PREFIX}{service.upper()}_DATABASE_PASSWORD"
    for service in ("sync_consumer", "sizing_worker", "config_service")
}
"""The variable that holds the password of each service's database role."""


def _printable(password: SecretStr) -> SecretStr:
    text = password.get_secret_value()
    if not (text.isascii() and text.isprintable()):
        raise ValueError("must be printable ASCII")  # else client and server might read it differently
    return password


PrintablePassword = Annotated[Password, AfterValidator(_printable)]
