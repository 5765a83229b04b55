"""A small disk of the database's own, in memory, which a test fills and frees."""

from __future__ import annotations

import os
import pwd
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from dev.servers.postgres import SERVER_USER, Cluster
from shared.database.engine import asyncpg_url

BALLAST_BYTES = 4096


class MountError(Exception):
    """No file system may be mounted here; the message says why."""


class SmallDisk:
    """A mounted file system that holds one tablespace, and ballast as far as it is filled."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder = folder
        self.name = f"small_{secrets.token_hex(4)}"
        self._cluster = cluster
        self._ballast = folder / "ballast"

    async def take_in(self, database_url: str) -> None:
        """Move a database here, indexes and all; nobody may be connected to it."""
        name = database_url.rpartition("/")[2]
        await self._execute(
            f"CREATE TABLESPACE {self.name} LOCATION '{self.folder / 'tables'}'",
            f'ALTER DATABASE "{name}" SET TABLESPACE {self.name}',
        )

    async def drop(self) -> None:
        """Forget the tablespace; what was in it must be gone."""
        await self._execute(f"DROP TABLESPACE IF EXISTS {self.name}")

    def fill(self) -> None:
        """Leave no room at all."""
        with self._ballast.open("wb", buffering=0) as file, suppress(OSError):  # ENOSPC is what we are after
            while True:
                file.write(bytes(BALLAST_BYTES))

    def free(self) -> None:
        """Give the room back."""
        self._ballast.unlink()

    async def _execute(self, *statements: str) -> None:
        url = asyncpg_url(self._cluster.database_url)
        engine = create_async_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))
        await engine.dispose()


@contextmanager
def small_disk(cluster: Cluster, *, mib: int) -> Iterator[SmallDisk]:
    """A disk of so many MiB; MountError where mounting is refused."""
    if os.geteuid() != 0:
        raise MountError("only root may mount")
    folder = cluster.folder / f"disk-{secrets.token_hex(4)}"
    folder.mkdir()
    mounted = subprocess.run(  # noqa: S603 - our own list
        ["/usr/bin/mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=755", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode != 0:
        raise MountError(mounted.stderr.strip())
    try:
        tables = folder / "tables"
        tables.mkdir(mode=0o700)
        owner = pwd.getpwnam(SERVER_USER)
        os.chown(tables, owner.pw_uid, owner.pw_gid)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        yield SmallDisk(folder, cluster)
    finally:
        subprocess.run(["/usr/bin/umount", "--lazy", str(folder)], check=True)  # noqa: S603 - our own list
        folder.rmdir()
