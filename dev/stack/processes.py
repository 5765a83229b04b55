"""Lotwise's services as real operating system processes."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Literal

from dev.runs.program import Program
from dev.servers.ports import LOOPBACK, free_ports
from dev.tree import run_folder

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dev.runs.ledger import Ledger

Service = Literal["sync_consumer", "sizing_worker", "config_service"]
ROLE_OF: Mapping[Service, str] = {
    "sync_consumer": "sync-consumer",
    "sizing_worker": "sizing-worker",
    "config_service": "config-service",
}
READY_TIMEOUT_S = 30.0
PROBE_TIMEOUT_S = 2.0
DRAIN_GRACE_S = 20.0


def logs_folder() -> Path:
    """Return `.run/logs`, where the logs of services stay after they ended."""
    folder = run_folder() / "logs"
    folder.mkdir(exist_ok=True)
    return folder


class ServiceProcess:
    """One service process with ports of its own; its pid is the service itself, no wrapper's."""

    def __init__(
        self,
        service: Service,
        *,
        name: str,
        ledger: Ledger,
        settings: Mapping[str, str],
        logs: Path | None = None,
        grace_s: float = DRAIN_GRACE_S,
        under: Sequence[str] = (),
    ) -> None:
        """Prepare `python -m services.SERVICE`; `settings` are its LOTWISE_… variables, over this process's own.

        `logs` is a folder, `.run/logs` by default; `grace_s` is how long `terminate` waits before it kills. `under` is
        a module, with its first arguments, that runs the service's module itself: a debugger, a profiler.
        """
        admin_port, http_port = free_ports(2)
        self.service = service
        self.name = name
        self._admin_port = admin_port
        self.admin_url = f"http://{LOOPBACK}:{admin_port}"
        self.http_url = f"http://{LOOPBACK}:{http_port}"
        """Of the public API; only config_service serves one."""
        ports = {"LOTWISE_ADMIN_HOST": LOOPBACK, "LOTWISE_ADMIN_PORT": str(admin_port)}
        if service == "config_service":
            ports |= {"LOTWISE_HTTP_HOST": LOOPBACK, "LOTWISE_HTTP_PORT": str(http_port)}
        self.log = (logs or logs_folder()) / f"{name}.log"
        self.log.unlink(missing_ok=True)
        self._program = Program(
            name,
            [sys.executable, "-m", *under, f"services.{service}"],
            environment={**os.environ, "PYTHONUNBUFFERED": "1", **ports, **settings},
            log=self.log,
            ledger=ledger,
            grace_s=grace_s,
        )

    @property
    def pid(self) -> int:
        """The service's process."""
        return self._program.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended (negative: the signal that ended it); None while it runs."""
        return self._program.exit_code

    def start(self) -> None:
        """Start it, on the same ports as before; `wait_ready` waits for it."""
        self._program.start()

    def is_running(self) -> bool:
        """Tell whether the process runs."""
        return self._program.is_running()

    def is_ready(self) -> bool:
        """Ask `/readyz` once. By the plainest client: one that could speak TLS costs 19 ms of CPU at each look."""
        with closing(HTTPConnection(LOOPBACK, self._admin_port, timeout=PROBE_TIMEOUT_S)) as probe:
            try:
                probe.request("GET", "/readyz")
                return probe.getresponse().status == HTTPStatus.OK
            except (OSError, HTTPException):
                return False

    def wait_ready(self, *, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until `/readyz` says yes; ProgramError, with the log's end, where it ends first or the time is up."""
        self._program.wait_ready(self.is_ready, timeout_s=timeout_s)

    def terminate(self) -> bool:
        """SIGTERM, wait for the drain, then SIGKILL; True where it went by itself."""
        return self._program.stop()

    def kill(self) -> None:
        """SIGKILL, as a crash would, and wait until it is gone."""
        self._program.kill()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal (SIGSTOP, SIGCONT, …)."""
        self._program.send(number)
