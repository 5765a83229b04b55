"""System packages by apt: the one thing installed outside the tree. Standard library only.

As a module (`python -m dev.packages NAME …`) it is the half that runs as root; `install` is what everyone calls.
The servers that come with the packages are neither started nor left enabled: ours are private ones on private ports.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from dev.progress import say, step, tail
from dev.tree import ROOT, run_folder, shown

APT_TIMEOUT_S = 600
DPKG_LOCK_TIMEOUT_S = 120
SERVICE_TIMEOUT_S = 30

POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_BEFORE = Path("/usr/sbin/policy-rc.d.before-lotwise")
POLICY_MARK = "# lotwise:"
POLICY_TEXT = (
    f"#!/bin/sh\n{POLICY_MARK} keeps freshly installed servers from starting; gone when that is done\nexit 101\n"
)

# What each package enables: disabled again where the package was not there before we installed.
SERVICES = {
    "rabbitmq-server": ("rabbitmq-server.service",),
    "erlang-base": ("epmd.socket", "epmd.service"),
    "postgresql-common": ("postgresql.service",),
    "prometheus": ("prometheus.service",),
}


class PackagesError(Exception):
    """The packages could not be installed; the message says what a person can do about it."""


def install(packages: Sequence[str], *, purpose: str) -> None:
    """Install packages, as root or through sudo, bounded in time; output goes to `.run/apt.log`.

    Raises PackagesError where there is no apt, no way to become root, or the installation fails.
    """
    names = " ".join(packages)
    by_hand = f"Install by hand ({purpose}): {names}"
    if shutil.which("apt-get") is None:
        raise PackagesError(f"there is no apt-get on this machine. {by_hand}")
    become_root = _become_root()
    if become_root is None:
        raise PackagesError(f"installing needs root or sudo. {by_hand}; on Debian: apt-get install {names}")
    say(
        f"  Installing outside this tree, by apt: {names} ({purpose}); their servers are not started and stay disabled."
    )
    log = run_folder() / "apt.log"
    with step(f"apt-get install {names}"), log.open("w", encoding="utf-8") as output:
        if _logged([*become_root, sys.executable, "-B", "-m", "dev.packages", *packages], output) != 0:
            raise PackagesError(f"apt-get failed, see {shown(log)}:\n{tail(log)}\n  {by_hand}")


def _become_root() -> list[str] | None:
    """Return the prefix that runs a command as root; None where there is none."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    quiet = subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True, stdin=subprocess.DEVNULL)
    if quiet.returncode == 0:
        return ["sudo", "-n"]
    return ["sudo"] if sys.stdin.isatty() else None


def _logged(command: Sequence[str], output: TextIO, *, timeout_s: float = APT_TIMEOUT_S + DPKG_LOCK_TIMEOUT_S) -> int:
    """Run a command at the root of the tree with its output in the log; 124 where it took too long."""
    try:
        return subprocess.run(
            command,
            check=False,
            cwd=ROOT,
            stdin=None if sys.stdin.isatty() else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
        ).returncode
    except subprocess.TimeoutExpired:
        output.write(f"stopped after {timeout_s:.0f} s\n")
        return 124


def _install_as_root(packages: Sequence[str]) -> int:
    """Install while nothing may start, then disable what was newly installed; returns apt's status."""
    known_before = {name for name in SERVICES if _is_installed(name)}
    epmd_before = _epmd_pids()
    with _nothing_starts():
        status = _apt_get("install", "--no-install-recommends", *packages)
        if status != 0:  # no package lists yet, or stale ones
            _apt_get("update")
            status = _apt_get("install", "--no-install-recommends", *packages)
        for name in set(SERVICES) - known_before:
            if _is_installed(name):
                _disable(name)
    for pid in _epmd_pids() - epmd_before:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    return status


def _apt_get(*arguments: str) -> int:
    command = ["apt-get", "-y", "-q", "-o", f"DPkg::Lock::Timeout={DPKG_LOCK_TIMEOUT_S}", *arguments]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l"}
    try:
        return subprocess.run(
            command, check=False, env=environment, stdin=subprocess.DEVNULL, timeout=APT_TIMEOUT_S
        ).returncode
    except subprocess.TimeoutExpired:
        return 124


def _is_installed(package: str) -> bool:
    query = ["dpkg-query", "-W", "-f", "${Status}", package]
    return "ok installed" in subprocess.run(query, check=False, capture_output=True, text=True).stdout


@contextmanager
def _nothing_starts() -> Iterator[None]:
    """Answer "no" to every start of a service by a package, then put back what was there before.

    A file of ours that an earlier, killed run left behind is not mistaken for the machine's own.
    """
    if POLICY.exists() and POLICY_MARK not in POLICY.read_text(encoding="utf-8", errors="replace"):
        POLICY.rename(POLICY_BEFORE)
    POLICY.write_text(POLICY_TEXT, encoding="utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
        if POLICY_BEFORE.exists():
            POLICY_BEFORE.rename(POLICY)


def _disable(package: str) -> None:
    """Keep a package's units from starting at the next boot, and stop what may run of them."""
    environment = {**os.environ, "DPKG_MAINTSCRIPT_PACKAGE": package}  # deb-systemd-helper does nothing without
    for unit in SERVICES[package]:
        script = unit.removesuffix(".service")
        commands = [["systemctl", "disable", unit]]
        if shutil.which("systemctl") is None:  # a container, or no systemd: both kinds of links are made all the same
            commands = [["deb-systemd-helper", "disable", unit]]
            commands += [["update-rc.d", script, "disable"]] if Path("/etc/init.d", script).exists() else []
        if Path("/run/systemd/system").is_dir():
            commands.append(["systemctl", "stop", unit])
        for command in commands:
            subprocess.run(command, check=False, env=environment, stdin=subprocess.DEVNULL, timeout=SERVICE_TIMEOUT_S)


def _epmd_pids() -> set[int]:
    """Return the Erlang port mappers that run: installing Erlang may leave one behind."""
    pids = set()
    for name in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):
            if name.read_text(encoding="ascii").strip() == "epmd":
                pids.add(int(name.parent.name))
    return pids


if __name__ == "__main__":
    sys.exit(_install_as_root(sys.argv[1:]))
