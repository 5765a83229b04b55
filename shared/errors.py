"""The exceptions that stop the flow. A "no" that callers branch on is a value, not one of these.

    LotwiseError
    ├── DeploymentError      a setting, the topology or the database's schema is wrong: stop the process, say what to do
    └── DependencyError      the broker or the database is away: wait and try again
        └── UnknownOutcomeError  it went away while we waited for its word: the effect may or may not be there

A wrong message is a value (`InvalidMessage`), and a bug is whatever else is raised: tried again alone, then parked.
"""

from __future__ import annotations

from ssl import SSLCertVerificationError


class LotwiseError(Exception):
    """Base of what Lotwise itself raises."""


class DeploymentError(LotwiseError):
    """Waiting cannot help. The text is one line for the operator: what is wrong, and what to do."""


class DependencyError(LotwiseError):
    """The broker or the database did not answer; waiting can help."""


class UnknownOutcomeError(DependencyError):
    """A publish or a commit whose confirmation did not come: it may have taken effect."""


def refused_certificate(error: BaseException) -> str | None:
    """Why the other side's certificate was not believed, where that is what `error` comes from."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__
    return None
