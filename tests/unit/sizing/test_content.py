"""What makes two requests the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.sizing.content import content_hash
from tests.unit.sizing.examples import request

ENTRY = {"entry_price": "1950.0", "stop_loss": "1945"}
RATES = {"GBPUSD": "1.27", "EURUSD": "1.0852"}


@pytest.mark.parametrize(
    "changes",
    [
        {"entries": [{"entry_price": 1950, "stop_loss": "1.945e3"}]},
        {"entries": [{"entry_price": "1950.000", "stop_loss": 1945.0, "take_profit": None}]},
        {"expires_at": datetime(2026, 11, 22, tzinfo=UTC)},
        {"conversion_rates": {"EURUSD": "1.08520", "GBPUSD": 1.27}},
        {"request_id": "8E3D1F0C-6C55-4E9B-9A52-0F6D3F2B7A10"},
    ],
)
def test_the_same_content_in_other_words_has_the_same_hash(changes: dict[str, Any]) -> None:
    said = {"entries": [ENTRY], "conversion_rates": RATES}

    assert content_hash(request(**said)) == content_hash(request(**(said | changes)))


@pytest.mark.parametrize(
    "changes",
    [
        {"entries": [{**ENTRY, "entry_price": "1950.01"}]},
        {"entries": [{**ENTRY, "stop_loss": "1944"}]},
        {"entries": [{**ENTRY, "take_profit": "1960"}]},
        {"entries": [ENTRY, ENTRY]},
        {"conversion_rates": {**RATES, "GBPUSD": "1.28"}},
        {"conversion_rates": {"GBPUSD": "1.27"}},
        {"account": {"login": 1, "server": "s"}},
        {"side": "sell"},
        {"user_id": "u-18"},
        {"setup_id": "setup-002"},
        {"instrument": "XAGUSD"},
        {"on_insufficient_margin": "shrink"},
        {"request_id": "8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a11"},
    ],
)
def test_another_content_has_another_hash(changes: dict[str, Any]) -> None:
    said = {"entries": [ENTRY], "conversion_rates": RATES}

    assert content_hash(request(**said)) != content_hash(request(**(said | changes)))


def test_the_hash_stays_what_is_stored() -> None:
    """A changed form would make every repeated request a conflict for as long as decisions are remembered."""
    assert content_hash(request()).hex() == "6fb4216f55e58d674bb950dc4644cca90db22b88ec527e90ddc68649d90963b6"
