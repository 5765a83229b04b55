"""Removing what a workspace made in servers that are not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dev.progress import say
from dev.servers.databases import DatabaseError, drop_database, drop_role
from dev.servers.management import Management, ManagementError

if TYPE_CHECKING:
    from dev.runs.ledger import MadeObject


def remove_made(made: MadeObject) -> None:
    """Remove it, if it is still there; one that cannot be reached any more is named, not waited for."""
    try:
        _remove(made)
    except (DatabaseError, ManagementError) as error:
        say(f"  {made.kind} {made.name} was left behind: {error}")


def _remove(made: MadeObject) -> None:
    if made.kind == "database":
        drop_database(made.servers["database_url"], made.name)
        return
    if made.kind == "role":
        drop_role(made.servers["database_url"], made.name)
        return
    with Management(made.servers["rabbitmq_api_url"]) as management:
        if made.kind == "vhost":
            management.delete_vhost(made.name)
        else:
            management.delete_user(made.name)
