"""Where the previous release comes from: the last commit that did not know the newest migration yet."""

from __future__ import annotations

import subprocess
from pathlib import Path

from dev.tree import ROOT

MIGRATIONS = "migrations/versions"
GIT_TIMEOUT_S = 60


class HistoryError(Exception):
    """The history of this checkout does not reach back to the previous release."""


def unpack_previous_release(folder: Path) -> dict[str, str]:
    """Lay the previous release into `folder`; returns the variables under which Python runs it instead of this one."""
    archive = _git("archive", "--format=tar", previous_release())
    # Debian 12's Python 3.11.2 knows no `filter` of tarfile yet.
    subprocess.run(  # noqa: S603  # no shell, no word that is not ours
        ["tar", "--extract", "--directory", str(folder)],  # noqa: S607  # a fixed list, on the developer's own PATH
        input=archive,
        check=True,
        timeout=GIT_TIMEOUT_S,
    )
    # Neither the folder in which a process is started, nor where the package was installed from, comes before this.
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": str(folder)}


def previous_release() -> str:
    """The commit before the one that brought the newest migration, as a revision; HEAD where that is not landed yet."""
    newest = max(path.name for path in (ROOT / MIGRATIONS).glob("[0-9]*.py"))
    brought = _git("log", "--follow", "--diff-filter=A", "-1", "--format=%H", "--", f"{MIGRATIONS}/{newest}").decode()
    return f"{brought.strip()}^" if brought.strip() else "HEAD"


def _git(*arguments: str) -> bytes:
    ended = subprocess.run(  # noqa: S603  # no shell, no word that is not ours
        ["git", "-C", str(ROOT), *arguments],  # noqa: S607  # a fixed list, on the developer's own PATH
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=GIT_TIMEOUT_S,
    )
    if ended.returncode != 0:
        raise HistoryError(
            f"the previous release is taken from the history of this checkout, which must be whole"
            f" (`git fetch --unshallow`): {ended.stderr.decode(errors='replace').strip()}"
        )
    return ended.stdout
