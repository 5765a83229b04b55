"""What makes two requests the same: their content, whatever the bytes it came in."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal

from shared.schemas.sizing import SizingRequest
from shared.sizing.rounding import shortest_text

_JSON = json.JSONEncoder(separators=(",", ":"))


def content_hash(request: SizingRequest) -> bytes:
    """SHA-256 of the parsed body: decimals by value, defaults filled in, without `expires_at`.

    Stored with every decision for as long as it is remembered: the form below may only change together with a migration
    of what is stored.
    """
    content = (
        str(request.request_id),
        request.user_id,
        (request.account.login, request.account.server) if request.account else None,
        request.setup_id,
        request.instrument,
        request.side,
        [(_text(entry.entry_price), _text(entry.stop_loss), _text(entry.take_profit)) for entry in request.entries],
        sorted((pair, _text(rate)) for pair, rate in request.conversion_rates.items()),
        request.on_insufficient_margin,
    )
    return hashlib.sha256(_JSON.encode(content).encode()).digest()


def _text(number: Decimal | None) -> str | None:
    return None if number is None else shortest_text(number)
