"""`lotwise users`: one broker user for each role of `shared.messaging.topology`, with its permissions and no more."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import quote

from shared.cli.terminal import clear_failures, say
from shared.cli.topology import TopologySettings
from shared.errors import DeploymentError
from shared.messaging.management import management_api
from shared.messaging.permissions import SALT_BYTES, permission_rows, user_row
from shared.messaging.topology import ROLES
from shared.settings import PREFIX, load

PASSWORD_CHARACTERS_MIN = 16


def users() -> None:
    """Create the broker user of each role, or bring its password and permissions up to date.

    Reads LOTWISE_AMQP_URL, LOTWISE_RABBITMQ_API_URL (as `lotwise topology --check` does; the user must be an
    administrator) and each role's password: LOTWISE_EA_BRIDGE_PASSWORD, LOTWISE_SIGNAL_ENGINE_PASSWORD,
    LOTWISE_OWNER_PASSWORD, LOTWISE_SYNC_CONSUMER_PASSWORD, LOTWISE_SIZING_WORKER_PASSWORD,
    LOTWISE_CONFIG_SERVICE_PASSWORD; or, under the same name and `_FILE`, the file that holds it.
    """
    with clear_failures():
        settings = load(TopologySettings)
        passwords = _passwords()
        definitions = {
            "users": [user_row(name, password, salt=_salt()) for name, password in passwords.items()],
            **permission_rows({name: name for name in passwords}, virtual_host=settings.virtual_host),
        }
        _load_definitions(settings, definitions)
        say(f"users of virtual host {settings.virtual_host}: {', '.join(passwords)}")


def _load_definitions(settings: TopologySettings, definitions: dict[str, list[dict[str, str]]]) -> None:
    url, virtual_host = settings.api_url.get_secret_value(), settings.virtual_host
    with management_api(url, virtual_host=virtual_host, needs="administrator") as api:
        # Asked first: to a definition for a virtual host that it does not know, the broker answers with status 400.
        api.get(f"/api/vhosts/{quote(virtual_host, safe='')}").raise_for_status()
        api.post("/api/definitions", json=definitions).raise_for_status()


def _salt() -> bytes:
    return secrets.token_bytes(SALT_BYTES)


def _passwords() -> dict[str, str]:
    """Each role's password. Raises DeploymentError that names every variable that is missing or wrong."""
    found: dict[str, str] = {}
    faults = []
    for role in ROLES:
        name = f"{PREFIX}{role.name.upper().replace('-', '_')}_PASSWORD"
        try:
            found[role.name] = _password(name)
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
