"""What a check says, and what all of them come to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail", "unknown"]

EXIT_OK, EXIT_FAILED, EXIT_UNCHECKED = 0, 1, 2
NAMED_MAX = 10
"""Single differences that one check names; how many more there are is told."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was found, and where it is not ok, what to do about it. `unknown`: it could not be checked."""

    check: str
    status: Status
    found: str
    advice: str = ""


def ok(check: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(check, "ok", found)


def warn(check: str, found: str, advice: str) -> Finding:
    """It works, and somebody should look."""
    return Finding(check, "warn", found, advice)


def fail(check: str, found: str, advice: str) -> Finding:
    """Something does not work, or is not as it must be."""
    return Finding(check, "fail", found, advice)


def unknown(check: str, found: str, advice: str) -> Finding:
    """It could not be looked at."""
    return Finding(check, "unknown", found, advice)


def exit_status(findings: Iterable[Finding]) -> int:
    """0 where nothing failed, 1 where something did, 2 where nothing did but something could not be checked."""
    statuses = {finding.status for finding in findings}
    if "fail" in statuses:
        return EXIT_FAILED
    return EXIT_UNCHECKED if "unknown" in statuses else EXIT_OK


def named(differences: list[str]) -> str:
    """The differences on one line, the first NAMED_MAX of them."""
    rest = len(differences) - NAMED_MAX
    return "; ".join(differences[:NAMED_MAX]) + (f"; and {rest} more" if rest > 0 else "")
