"""A private Prometheus from Debian's package: on loopback, on a port of its own, its data gone with it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import httpx

from dev.packages import install
from dev.runs.program import Program
from dev.servers.ports import LOOPBACK, free_ports

if TYPE_CHECKING:
    from pathlib import Path

    from dev.runs.ledger import Ledger

PACKAGE = "prometheus"
READY_TIMEOUT_S = 30.0
ASK_TIMEOUT_S = 10.0


class QueryError(Exception):
    """Prometheus refused a query; the message is its own."""


def find_program(name: str) -> str:
    """The path of `prometheus` or `promtool`, installed by apt where it is missing; raises PackagesError."""
    if shutil.which(name) is None:
        install([PACKAGE], purpose="the tests of alerts and dashboards")
    return shutil.which(name) or name


class Prometheus:
    """Runs with the configuration file that lies in `folder`, `prometheus.yml`; its data lie there too."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self._folder = folder
        (port,) = free_ports(1)
        self.url = f"http://{LOOPBACK}:{port}"
        self._program = Program(
            "prometheus",
            [
                find_program("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={LOOPBACK}:{port}",
            ],
            environment={"HOME": str(folder)},
            log=folder / "prometheus.log",
            ledger=ledger,
        )

    def start(self) -> None:
        """Start it and wait until it answers; raises ProgramError."""
        self._program.start()
        self._program.wait_ready(self._is_ready, timeout_s=READY_TIMEOUT_S)

    def remember(self, samples: str) -> None:
        """Before it starts: let it know of what was before, samples with their times in the OpenMetrics format."""
        file = self._folder / "before.txt"
        file.write_text(samples, encoding="utf-8")
        blocks = [find_program("promtool"), "tsdb", "create-blocks-from", "openmetrics"]
        subprocess.run([*blocks, file, self._folder / "data"], check=True, capture_output=True)

    def stop(self) -> None:
        """End it."""
        self._program.stop()

    def ask(self, path: str, **parameters: str) -> Any:
        """What its HTTP API answers, `data` alone. Raises QueryError where it is asked something wrong."""
        response = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=ASK_TIMEOUT_S, trust_env=False)
        answer = response.json()
        if answer["status"] != "success":
            raise QueryError(f"{parameters}: {answer['error']}")
        return answer["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an expression at this moment; raises QueryError."""
        result: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return result

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=1.0, trust_env=False).is_success
        except httpx.TransportError:
            return False
