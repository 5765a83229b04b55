"""Everything besides the request that a decision depends on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.sizing.account import Candidate
from shared.sizing.configuration import Configuration, Rules


@dataclass(frozen=True, slots=True)
class Situation:
    """What was read, once, for one decision.

    `decided_at` is the database's clock and the *now* of every age. After `expires_at` nobody listens any more; None
    never ends. `candidates` are the accounts that may be meant: the one named, or all of the user's.
    """

    decided_at: datetime
    expires_at: datetime | None
    configuration: Configuration
    rules: Rules
    candidates: tuple[Candidate, ...]
