"""docs/messages.md names every event that somebody outside may bind a queue to."""

from __future__ import annotations

import re

from dev.tree import ROOT
from shared.contracts.traffic import LINES
from shared.messaging.topology import EVENTS


def test_the_page_names_every_event() -> None:
    page = (ROOT / "docs" / "messages.md").read_text(encoding="utf-8")
    (named,) = re.findall(r"Events of the exchange `lotwise.events` \(([^)]+)\)", page)
    assert set(re.findall(r"`([^`]+)`", named)) == {line.routing_key for line in LINES if line.exchange == EVENTS}
