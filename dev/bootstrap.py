"""Make `.venv` in this tree, with everything the locks name. Standard library only: it is what runs first.

`python3 -m dev.bootstrap`, by the Makefile, before any target that needs the environment; nothing to do takes no time.
With `run` only what running Lotwise needs is installed, which is half of it: enough for the demo.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dev.packages import PackagesError, install
from dev.progress import say, step, tail
from dev.tree import ROOT, VENV, run_folder, shown

OLDEST = (3, 11)
NEWER_PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11")
STAMP = VENV / "lotwise.stamp"
RUN_STAMP = VENV / "lotwise.run.stamp"
LOCK = ROOT / "requirements-dev.txt"
RUN_LOCK = ROOT / "requirements.txt"
PIP_TIMEOUT_S = 900


class BootstrapError(Exception):
    """The environment could not be made; the message says why."""


def main(arguments: Sequence[str]) -> int:
    """Make the environment where it is missing or out of date; returns the exit status."""
    if sys.version_info[:2] < OLDEST:
        return _run_again_by_a_newer_python(arguments)
    to_run = list(arguments) == ["run"]
    with _one_at_a_time():
        if _is_current(STAMP) or (to_run and _is_current(RUN_STAMP)):
            return 0
        try:
            _make_to_run() if to_run else _make()
        except (BootstrapError, PackagesError) as failure:
            sys.stderr.write(f"Cannot make the Python environment: {failure}\n")
            return 1
    return 0


def _run_again_by_a_newer_python(arguments: Sequence[str]) -> int:
    for name in NEWER_PYTHONS:
        if (found := shutil.which(name)) is not None:
            os.execv(found, [found, "-m", "dev.bootstrap", *arguments])
    needed = ".".join(map(str, OLDEST))
    sys.stderr.write(f"Python {needed} or later is needed; this is {sys.version.split()[0]}. Install python{needed}.\n")
    return 1


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (run_folder() / "bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fingerprint() -> str:
    """What the environment depends on: the locks, the project's own metadata, the Python, and where the tree lies."""
    digest = hashlib.sha256(LOCK.read_bytes() + RUN_LOCK.read_bytes())
    metadata, _, _tools = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("\n[tool.ruff]")
    digest.update(metadata.encode())
    digest.update(f"{sys.version_info[:2]} {ROOT}".encode())
    return digest.hexdigest()


def _is_current(stamp: Path) -> bool:
    return stamp.is_file() and (VENV / "bin/python").exists() and stamp.read_text() == _fingerprint()


def _make_to_run() -> None:
    _install_locked(RUN_LOCK)
    RUN_STAMP.write_text(_fingerprint())


def _install_locked(lock: Path) -> None:
    say(f"Python environment: {shown(VENV)}, from {lock.name}")
    for stamp in (STAMP, RUN_STAMP):
        stamp.unlink(missing_ok=True)
    if not _venv_works():
        _make_venv()
    with step("install the locked packages"):
        # Python compiles what is imported, when it is; most of it never is.
        _pip("--no-compile", "--require-hashes", "-r", str(lock))


def _make() -> None:
    _install_locked(LOCK)
    with step("install this project into it"):
        _pip("--no-deps", "--no-build-isolation", "-e", str(ROOT))
    STAMP.write_text(_fingerprint())


def _venv_works() -> bool:
    """Tell whether `.venv` is there, of this Python's version, and has pip."""
    python = VENV / "bin/python"
    if not python.exists():
        return False
    question = f"import pip, sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    return subprocess.run([python, "-c", question], check=False, capture_output=True).returncode == 0


def _make_venv() -> None:
    if not _has_ensurepip():
        _install_ensurepip()
    shutil.rmtree(VENV, ignore_errors=True)
    with step(f"make {VENV.name} with {sys.executable}"):
        _logged([sys.executable, "-m", "venv", str(VENV)])


def _has_ensurepip() -> bool:
    """Debian and Ubuntu take it out of Python and put it into a package of its own."""
    return (
        subprocess.run([sys.executable, "-c", "import ensurepip, venv"], check=False, capture_output=True).returncode
        == 0
    )


def _install_ensurepip() -> None:
    own = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    try:
        install([own], purpose="Python's own venv")
    except PackagesError:
        if _is_known_to_apt(own):
            raise
        install(["python3-venv"], purpose="Python's own venv")
    if not _has_ensurepip():
        raise BootstrapError(f"{sys.executable} has no ensurepip. Install {own} (or python3-venv).")


def _is_known_to_apt(package: str) -> bool:
    if shutil.which("apt-cache") is None:
        return True  # no apt at all: another name would not help
    return subprocess.run(["apt-cache", "show", package], check=False, capture_output=True).returncode == 0


def _pip(*arguments: str) -> None:
    python = str(VENV / "bin/python")
    _logged([python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", *arguments])


def _logged(command: Sequence[str]) -> None:
    """Run a command with its output in `.run/bootstrap.log`; BootstrapError shows the log's end."""
    log = run_folder() / "bootstrap.log"
    environment = {**os.environ, "PIP_USER": "0"}
    with log.open("w", encoding="utf-8") as output:
        try:
            status = subprocess.run(
                command,
                check=False,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=PIP_TIMEOUT_S,
            ).returncode
        except subprocess.TimeoutExpired:
            status = 124
    if status != 0:
        raise BootstrapError(f"{' '.join(command[:5])} … ended with {status}, see {shown(log)}:\n{tail(log)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
