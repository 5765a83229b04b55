"""What a provider of servers raises when it has none."""

from __future__ import annotations


class UnavailableError(Exception):
    """This provider cannot be used here; the message says why, in one line."""
