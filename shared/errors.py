"""The exceptions that stop the flow. A "no" that callers branch on is a value, not one of these.

    LotwiseError
    ├── DeploymentError      a setting, the topology or the database's schema is wrong: stop the process, say what to do
    └── DependencyError      the broker or the database is away: wait and try again
        └── UnknownOutcomeError  it went away while we waited for its word: the effect may or may not be there

A wrong message is a value (`InvalidMessage`), and a bug is whatever else is raised: tried again alone, then parked.
"""

from __future__ import annotations


class LotwiseError(Exception):
    """Base of what Lotwise itself raises."""


class DeploymentError(LotwiseError):
    """Waiting cannot help. The text is one line for the operator: what is wrong, and what to do."""


class DependencyError(LotwiseError):
    """The broker or the database did not answer; waiting can help."""


class UnknownOutcomeError(DependencyError):
    """A publish or a commit whose confirmation did not come: it may have taken effect."""
