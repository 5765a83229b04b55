"""`lotwise users`: one broker user for each role of `shared.messaging.topology`, with its permissions and no more."""

from __future__ import annotations

import secrets
from urllib.parse import quote

from shared.cli.passwords import load_with_passwords
from shared.cli.terminal import clear_failures, say
from shared.cli.topology import TopologySettings
from shared.messaging.management import management_api
from shared.messaging.permissions import SALT_BYTES, permission_rows, user_row
from shared.messaging.topology import ROLES
from shared.settings import PREFIX


def users() -> None:
    """Create the broker user of each role, or bring its password and permissions up to date.

    Reads LOTWISE_AMQP_URL, LOTWISE_RABBITMQ_API_URL (as `lotwise topology --check` does; the user must be an
    administrator) and each role's password: LOTWISE_EA_BRIDGE_PASSWORD, LOTWISE_SIGNAL_ENGINE_PASSWORD,
    LOTWISE_OWNER_PASSWORD, LOTWISE_SYNC_CONSUMER_PASSWORD, LOTWISE_SIZING_WORKER_PASSWORD,
    LOTWISE_CONFIG_SERVICE_PASSWORD; or, under the same name and `_FILE`, the file that holds it.
    """
    with clear_failures():
        settings, passwords = load_with_passwords(TopologySettings, password_variables())
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


def password_variable(role: str) -> str:
    """The variable that holds the password of a role's user."""
    return f"{PREFIX}{role.upper().replace('-', '_')}_PASSWORD"


def password_variables() -> dict[str, str]:
    """The same of every role."""
    return {role.name: password_variable(role.name) for role in ROLES}
