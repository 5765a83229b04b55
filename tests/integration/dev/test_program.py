"""Programs of ours end for sure, and a stranger's process is never taken for one of them."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from dev.runs.identity import ProcessIdentity, family, identify, is_running, send, stop
from dev.runs.ledger import Ledger
from dev.runs.program import Program, ProgramError
from dev.runs.session import sweep_abandoned
from dev.runs.sweep import sweep

if TYPE_CHECKING:
    from pathlib import Path

STUBBORN = (
    "import signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "subprocess.Popen(['sleep', '60']); print('deaf', flush=True); signal.pause()"
)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(tmp_path / "run", owner=os.getpid())


def program(ledger: Ledger, code: str, *, grace_s: float = 5) -> Program:
    log = ledger.folder / "program.log"
    return Program(
        "program", [sys.executable, "-c", code], environment=os.environ, log=log, ledger=ledger, grace_s=grace_s
    )


def test_a_program_that_ignores_sigterm_is_killed_with_its_children(ledger: Ledger) -> None:
    deaf = program(ledger, STUBBORN, grace_s=0.2)
    deaf.start()
    deaf.wait_ready(lambda: "deaf" in deaf.log.read_text(encoding="utf-8"), timeout_s=10)
    identity = identify(deaf.pid)
    assert identity is not None
    members = family(identity)
    assert len(members) == 2

    graceful = deaf.stop()

    assert not graceful
    assert not any(is_running(member) for member in members)
    assert deaf.exit_code == -signal.SIGKILL


def test_a_program_that_ends_instead_of_getting_ready_shows_its_log(ledger: Ledger) -> None:
    broken = program(ledger, "raise SystemExit('LOTWISE_AMQP_URL is missing')")
    broken.start()

    with pytest.raises(ProgramError, match=r"(?s)ended with 1.*LOTWISE_AMQP_URL is missing"):
        broken.wait_ready(lambda: False, timeout_s=10)


def test_a_sweep_ends_what_the_ledger_names_and_can_be_repeated(ledger: Ledger) -> None:
    sleeper = program(ledger, "import signal; signal.pause()")
    sleeper.start()
    outside = ledger.folder.parent / "outside"
    ledger.note_folder(outside)
    outside.mkdir()

    stopped = [sweep(Ledger(ledger.folder)), sweep(Ledger(ledger.folder))]

    assert stopped == [1, 0]
    assert not sleeper.is_running()
    assert not ledger.folder.exists()
    assert not outside.exists()
    sleeper.stop()


def test_a_recycled_pid_is_not_signalled(ledger: Ledger) -> None:
    stranger = program(ledger, "import signal; signal.pause()")
    stranger.start()
    of_another_time = ProcessIdentity(stranger.pid, "an-earlier-boot:42")

    send(of_another_time, signal.SIGKILL)
    stop(of_another_time, grace_s=1)

    assert stranger.is_running()
    stranger.kill()


def test_a_run_that_begins_is_not_taken_for_abandoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dev.tree.RUN", tmp_path)
    write, swept = os.write, []

    def sweep_before_writing(file: int, row: bytes) -> int:
        swept.append(sweep_abandoned())
        return write(file, row)

    monkeypatch.setattr("dev.runs.ledger.os.write", sweep_before_writing)

    begun = Ledger.open(tmp_path / "session-1", owner=os.getpid())

    assert swept == [[]]
    assert begun.owner() == identify(os.getpid())
