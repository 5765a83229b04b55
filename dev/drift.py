"""Migrate a database of our own and let alembic compare it with the tables in the code: `python -m dev.drift`."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

from dev.servers.databases import create_database, drop_database
from dev.servers.provider import NoServersError, servers
from dev.stack.workspace import WorkspaceError, run_command
from dev.tree import ROOT

TIMEOUT_S = 60


def main() -> int:
    """Return alembic's verdict as the exit status; 1 where it could not be had."""
    try:
        with servers(allow_containers=True) as provided:
            name = f"lotwise_{secrets.token_hex(4)}"
            url = create_database(provided.database_url, name)
            try:
                return _compare(url)
            finally:
                drop_database(provided.database_url, name)
    except (NoServersError, WorkspaceError) as failure:
        sys.stderr.write(f"{failure}\n")
        return 1


def _compare(url: str) -> int:
    environment = {"LOTWISE_DATABASE_URL": url}
    run_command("migrate", environment)
    return subprocess.run(
        [sys.executable, "-m", "alembic", "check"],
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        timeout=TIMEOUT_S,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
