"""What a run has made and must remove again, written down before anything can go wrong.

One file a run, one JSON object a line: whoever finds it after a crash can end the processes and remove the data.
"""

from __future__ import annotations

import json
import os
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from dev.runs.identity import ProcessIdentity, identify

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = "ledger.jsonl"


class ServersRow(TypedDict):
    """Where a workspace was made, with the rights to remove it."""

    amqp_url: str
    rabbitmq_api_url: str
    database_url: str


@dataclass(frozen=True, slots=True)
class StartedProcess:
    """A process, and how it is ended when the run is over."""

    name: str
    identity: ProcessIdentity
    stop_signal: signal.Signals
    grace_s: float
    is_server: bool = False
    """Servers end last: what uses them may still finish its work."""


@dataclass(frozen=True, slots=True)
class MadeObject:
    """Something on a server that is not ours and outlives the run: a vhost, a broker user, a database, its role."""

    kind: Literal["vhost", "user", "database", "role"]
    name: str
    servers: ServersRow


class Ledger:
    """The record of one run, in a folder of its own under `.run/`."""

    def __init__(self, folder: Path, *, file: str = FILE) -> None:
        self.folder = folder
        self._file = folder / file
        self._at_end: list[Callable[[], None]] = []

    @classmethod
    def open(cls, folder: Path, *, owner: int | None) -> Ledger:
        """Make the folder and the record; `owner` is the pid whose death ends the run, None for one left running.

        Raises FileExistsError where the folder is there already.
        """
        # The database's user must be able to pass through; what is secret inside has its own mode.
        folder.mkdir(mode=0o711, parents=True)
        ledger = cls(folder)
        if owner is not None and (identity := identify(owner)) is not None:
            # Under another name first: a record that is there and names no owner yet would be swept as abandoned.
            begun = cls(folder, file="begun.jsonl")
            begun._append({"owner": asdict(identity)})
            begun._file.rename(ledger._file)
        return ledger

    def note_process(self, process: StartedProcess) -> None:
        """Write down a process that was started."""
        self._append({"process": asdict(process)})

    def note_folder(self, folder: Path) -> None:
        """Write down a folder outside the run's own, before it is filled."""
        self._append({"folder": str(folder)})

    def note_containers(self, run: str) -> None:
        """Write down the label that containers will carry, before they are made."""
        self._append({"containers": run})

    def note_made(self, made: MadeObject) -> None:
        """Write down an object on a server that is not ours, before it is made."""
        self._append({"made": asdict(made)})

    def at_end(self, action: Callable[[], None]) -> None:
        """Remember what this very process does when the run ends, the newest first: to reap its own children."""
        self._at_end.append(action)

    def end(self) -> None:
        """Do what `at_end` remembers, once."""
        while self._at_end:
            self._at_end.pop()()

    def owner(self) -> ProcessIdentity | None:
        """Return whose death ends the run; None where it is left running on purpose."""
        return next((ProcessIdentity(**row["owner"]) for row in self._rows() if "owner" in row), None)

    def processes(self) -> list[StartedProcess]:
        """Return what was started, the oldest first."""
        rows = [row["process"] for row in self._rows() if "process" in row]
        return [
            StartedProcess(
                row["name"],
                ProcessIdentity(**row["identity"]),
                signal.Signals(row["stop_signal"]),
                row["grace_s"],
                row["is_server"],
            )
            for row in rows
        ]

    def folders(self) -> list[Path]:
        """Return the folders outside the run's own."""
        return [Path(row["folder"]) for row in self._rows() if "folder" in row]

    def containers(self) -> list[str]:
        """Return the labels that containers carry."""
        return [row["containers"] for row in self._rows() if "containers" in row]

    def made(self) -> list[MadeObject]:
        """Return the objects on servers that are not ours."""
        return [MadeObject(**row["made"]) for row in self._rows() if "made" in row]

    def _append(self, row: dict[str, object]) -> None:
        line = json.dumps(row) + "\n"
        file = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)  # it holds passwords
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    def _rows(self) -> list[dict[str, Any]]:
        try:
            lines = self._file.read_text(encoding="utf-8").splitlines(keepends=True)
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines if line.endswith("\n")]  # the last may be half written
