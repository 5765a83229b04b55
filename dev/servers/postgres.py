"""A private PostgreSQL cluster from the machine's binaries: passwords only, on loopback only, data of its own."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from dev.progress import tail
from dev.runs.program import Program, ProgramError
from dev.servers.databases import DatabaseError, check_server
from dev.servers.ports import LOOPBACK, free_ports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dev.runs.ledger import Ledger
    from dev.servers.certificate import Certificate

ADMIN = "lotwise_operator"
SERVER_USER = "postgres"
READY_TIMEOUT_S = 30.0
INITDB_TIMEOUT_S = 120.0
STOP_GRACE_S = 15.0
STARTS = 4
MAX_CONNECTIONS = 300
FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")


def find_binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL server; None where none is installed."""
    found = [path for pattern in FOLDERS for path in Path("/").glob(pattern[1:]) if (path / "initdb").exists()]
    if found:
        return max(found, key=lambda path: [int(part) for part in path.parent.name.split("-")[-1].split(".")])
    on_path = shutil.which("initdb")
    return None if on_path is None else Path(on_path).resolve().parent


class Cluster:
    """One private cluster. Its data survive `stop` and `kill`, and go with the run."""

    def __init__(
        self, ledger: Ledger, *, durable: bool, name: str = "postgres", certificate: Certificate | None = None
    ) -> None:
        """Choose the place of the data; FileNotFoundError where PostgreSQL is not installed.

        `durable` keeps fsync on; off is faster and loses nothing but what a machine's crash would take. With a
        `certificate` it speaks TLS too.
        """
        binaries = find_binaries()
        if binaries is None:
            raise FileNotFoundError("PostgreSQL is not installed (initdb)")
        self._binaries = binaries
        self._ledger = ledger
        self._name = name
        self._durable = durable
        self._password = secrets.token_urlsafe(24)
        # PostgreSQL refuses to run as root.
        self._as_user = _prefix() if os.geteuid() == 0 else []
        self.folder = self._place()
        self._certificate = certificate
        self.log = self.folder / "server.log"
        self._take_port()

    @property
    def database_url(self) -> str:
        """The superuser's URL, of the maintenance database."""
        return f"postgresql://{ADMIN}:{self._password}@{LOOPBACK}:{self.port}/postgres"

    @property
    def pid(self) -> int:
        """The postmaster's process."""
        return self._server.pid

    def start(self) -> None:
        """Make the cluster if need be, start it, wait until it answers; another port where ours was taken meanwhile.

        Repeated, because after a kill the old pid file can stand in the way for a moment. Raises ProgramError.
        """
        is_new = not (self.folder / "data").exists()
        if is_new:
            self._make()
        for attempt in range(1, STARTS + 1):
            try:
                self._server.start()
                self._server.wait_ready(self._answers, timeout_s=READY_TIMEOUT_S)
            except ProgramError:
                self.kill()
                if attempt == STARTS:
                    raise
                if is_new:
                    self._take_port()
            else:
                return

    def stop(self) -> bool:
        """End all connections and stop; True where nobody had to be killed."""
        return self._server.stop()

    def discard(self) -> None:
        """End it at once: the data are not wanted any more."""
        self._server.discard()

    def kill(self) -> None:
        """Kill the postmaster as a crash would; its children notice and go."""
        self._server.kill()

    def freeze(self) -> list[int]:
        """Stop the postmaster and all its children where they are; returns whom to `thaw`."""
        os.kill(self.pid, signal.SIGSTOP)  # first: it makes no more children
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()
        for child in map(int, children):
            os.kill(child, signal.SIGSTOP)
        return [*map(int, children), self.pid]

    def thaw(self, frozen: Sequence[int]) -> None:
        """Let them go on."""
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)

    def _take_port(self) -> None:
        (self.port,) = free_ports(1)
        settings = {
            "listen_addresses": LOOPBACK,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": MAX_CONNECTIONS,
            "fsync": "on" if self._durable else "off",
            "synchronous_commit": "on" if self._durable else "off",
            "full_page_writes": "on" if self._durable else "off",
            **(self._tls_settings(self._certificate) if self._certificate else {}),
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._server = Program(
            "postgres",
            [*self._as_user, str(self._binaries / "postgres"), "-D", str(self.folder / "data"), *arguments],
            environment=_environment(),
            log=self.log,
            ledger=self._ledger,
            stop_signal=signal.SIGINT,  # "fast": what runs is rolled back
            grace_s=STOP_GRACE_S,
            discard_signal=signal.SIGQUIT,  # "immediate"
            is_server=True,
        )

    def _tls_settings(self, certificate: Certificate) -> dict[str, str]:
        """Lay the certificate where the server's user, and nobody else, can read its key."""
        owner = self.folder.stat()
        for name, text in {"server.crt": certificate.chain, "server.key": certificate.key}.items():
            file = self.folder / name
            file.touch(mode=0o600)
            file.write_text(text, encoding="ascii")
            os.chown(file, owner.st_uid, owner.st_gid)
        return {
            "ssl": "on",
            "ssl_cert_file": str(self.folder / "server.crt"),
            "ssl_key_file": str(self.folder / "server.key"),
        }

    def _answers(self) -> bool:
        try:
            check_server(self.database_url)
        except DatabaseError:
            return False
        return True

    def _place(self) -> Path:
        """Return a new folder that the server's user can reach: in the run's own, else a temporary one, noted first."""
        inside = self._ledger.folder / self._name
        inside.mkdir(mode=0o700)
        if self._is_reachable(inside):
            return inside
        for parent in dict.fromkeys((tempfile.gettempdir(), "/var/tmp", "/tmp")):  # noqa: S108  # a name of our own in it
            folder = Path(parent) / f"lotwise-{self._name}-{secrets.token_hex(8)}"
            self._ledger.note_folder(folder)
            folder.mkdir(mode=0o700)
            if self._is_reachable(folder):
                return folder
        raise ProgramError(f"user {SERVER_USER} can reach neither {inside} nor a temporary folder")

    def _is_reachable(self, folder: Path) -> bool:
        """Give the folder to the server's user, and try as that user."""
        if not self._as_user:
            return True
        user = pwd.getpwnam(SERVER_USER)
        os.chown(folder, user.pw_uid, user.pw_gid)
        return subprocess.run([*self._as_user, "test", "-w", str(folder)], check=False, cwd="/").returncode == 0

    def _make(self) -> None:
        password_file = self.folder / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._password, encoding="ascii")
        if self._as_user:
            user = pwd.getpwnam(SERVER_USER)
            os.chown(password_file, user.pw_uid, user.pw_gid)
        self._initdb(["--pwfile", str(password_file)])
        password_file.unlink()

    def _initdb(self, arguments: Sequence[str]) -> None:
        fixed = [
            "--username",
            ADMIN,
            "--auth",
            "scram-sha-256",
            "--encoding",
            "UTF8",
            "--locale",
            "C.UTF-8",
            "--no-sync",
        ]
        command = [*self._as_user, str(self._binaries / "initdb"), "-D", str(self.folder / "data"), *fixed, *arguments]
        with self.log.open("ab") as output:
            status = subprocess.run(
                command,
                check=False,
                cwd="/",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=INITDB_TIMEOUT_S,
            ).returncode
        if status != 0:
            raise ProgramError(f"initdb ended with {status}:\n{tail(self.log)}")


def _prefix() -> list[str]:
    """Return what runs a command as the server's user; ProgramError where root has no way to become it."""
    try:
        pwd.getpwnam(SERVER_USER)
    except KeyError:
        raise ProgramError(f"PostgreSQL does not run as root, and there is no user {SERVER_USER}") from None
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ProgramError("PostgreSQL does not run as root, and setpriv (util-linux) is missing")
    return [setpriv, f"--reuid={SERVER_USER}", f"--regid={SERVER_USER}", "--init-groups", "--"]


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": "/"}
