"""A program of ours as an operating system process: started into its own session, logged, noted, stopped for sure."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING

from dev.progress import tail
from dev.runs import identity
from dev.runs.identity import ProcessIdentity, identify, is_running, stop
from dev.runs.ledger import Ledger, StartedProcess
from dev.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

POLL_S = 0.05
KILLED_WAIT_S = 10.0


class ProgramError(Exception):
    """A program ended, or was not ready in time; the message ends with the last lines of its log."""


class Program:
    """One program that can be started, stopped, killed and started again. Ctrl-C in the terminal does not reach it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        ledger: Ledger,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace_s: float = 15.0,
        discard_signal: signal.Signals | None = None,
        is_server: bool = False,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.environment = dict(environment)
        self.log = log
        self.stop_signal = stop_signal
        self.grace_s = grace_s
        self.discard_signal = discard_signal or stop_signal
        self.is_server = is_server
        self._ledger = ledger
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: ProcessIdentity | None = None

    @property
    def pid(self) -> int:
        """The pid of the last start; ProgramError where it was never started."""
        return self._started().pid

    @property
    def exit_code(self) -> int | None:
        """How it ended (negative: the signal that ended it); None while it runs."""
        return self._started().poll()

    def start(self) -> None:
        """Start it; the log is continued."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._identity = identify(self._process.pid)
        self._ledger.at_end(self.discard)
        if self._identity is not None:
            self._ledger.note_process(
                StartedProcess(self.name, self._identity, self.discard_signal, self.grace_s, self.is_server)
            )

    def wait_ready(self, is_ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Wait until `is_ready` says so; ProgramError where the program ends first, or the time is up."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if self.exit_code is not None:
                raise ProgramError(f"{self.name} ended with {self.exit_code}, see {self.log}:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise ProgramError(f"{self.name} is not ready after {timeout_s:g} s, see {self.log}:\n{tail(self.log)}")
            time.sleep(POLL_S)

    def is_running(self) -> bool:
        """Tell whether it runs."""
        return self._identity is not None and is_running(self._identity)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program alone (SIGSTOP, SIGCONT, …)."""
        if self._identity is not None:
            identity.send(self._identity, number)

    def stop(self) -> bool:
        """End it: ask, wait for the grace, kill it with all it started; True where asking was enough."""
        return self._end(self.stop_signal)

    def discard(self) -> None:
        """End it with all it started, as fast as may be where its data are not wanted any more."""
        self._end(self.discard_signal)

    def kill(self) -> None:
        """Kill it at once, as a crash would, and wait until it is gone."""
        if self._process is not None:
            self.send(signal.SIGKILL)
            self._process.wait(KILLED_WAIT_S)

    def _end(self, by: signal.Signals) -> bool:
        if self._process is None or self._identity is None:
            return True
        graceful = stop(self._identity, by=by, grace_s=self.grace_s)
        self._process.wait(KILLED_WAIT_S)
        return graceful

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ProgramError(f"{self.name} was not started")
        return self._process
