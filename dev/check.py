"""The checks beside the tests, each by name: `python -m dev.check [NAME …]`; all the quick ones without a name.

What a check says is shown where it fails; the others go on, so that one run names everything.
"""

from __future__ import annotations

import subprocess
import sys
import time

from dev.progress import say
from dev.tree import ROOT

BIN = f"{sys.prefix}/bin"
QUICK = {
    "style": [f"{BIN}/ruff", "check", "--quiet", "."],
    "format": [f"{BIN}/ruff", "format", "--check", "--quiet", "."],
    "types": [f"{BIN}/mypy"],
    "layers": [f"{BIN}/lint-imports", "--no-logo"],
    "unit": [f"{BIN}/pytest", "--quiet", "-m", "not thorough", "tests/unit"],
}
CHECKS = {
    **QUICK,
    "drift": [sys.executable, "-m", "dev.drift"],  # between the migrations and the tables in the code
}
TIMEOUT_S = 600


def main(names: list[str]) -> int:
    """Run the checks of these names; returns the exit status, 2 for a name that is none."""
    if unknown := set(names) - set(CHECKS):
        sys.stderr.write(f"No such check: {', '.join(sorted(unknown))}. There are: {', '.join(CHECKS)}.\n")
        return 2
    passed = [_passes(name) for name in (names or QUICK)]
    return 0 if all(passed) else 1


def _passes(name: str) -> bool:
    started = time.monotonic()
    ended = subprocess.run(
        CHECKS[name],
        check=False,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
    )
    verdict = "ok" if ended.returncode == 0 else "FAILED"
    say(f"  {name:<8} {verdict} in {time.monotonic() - started:.1f} s")
    if ended.returncode != 0:
        say(ended.stdout.rstrip())
    return ended.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
