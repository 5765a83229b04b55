"""Messages for tests: each complete and plausible, with the fields that a test is about given by it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel

from shared.messaging.delivery import Delivery
from shared.schemas.account import AccountInstruments, AccountSnapshot
from shared.schemas.sizing import SizingOutcome, SizingRequest


def snapshot_document(
    *, user_id: str, login: int, account: dict[str, Any] | None = None, **fields: Any
) -> dict[str, Any]:
    """An `account.snapshot.v1` as JSON: 10,000.00 USD at 1:100, all of it free, captured now."""
    return {
        "user_id": user_id,
        "account": {
            "login": login,
            "server": "Test-MT5",
            "broker": "Test",
            "currency": "USD",
            "leverage": 100,
            "is_demo": True,
            **(account or {}),
        },
        "balance": "10000.00",
        "equity": "10000.00",
        "margin_used": "0.00",
        "margin_free": "10000.00",
        "open_positions_count": 0,
        "total_positions_volume": "0.00",
        "captured_at": datetime.now(UTC).isoformat(),
        **fields,
    }


def snapshot(*, user_id: str, login: int, account: dict[str, Any] | None = None, **fields: Any) -> AccountSnapshot:
    """The same, read."""
    return AccountSnapshot.model_validate(snapshot_document(user_id=user_id, login=login, account=account, **fields))


def gold(**fields: Any) -> dict[str, Any]:
    """XAUUSD on a USD account: 100 oz, 1.00 USD a tick of 0.01, so 100 USD per lot and dollar; leverage on the
    margin."""
    return {
        "instrument": "XAUUSD",
        "symbol": "GOLD.r",
        "calc_mode": "cfd_leverage",
        "digits": 2,
        "contract_size": "100",
        "tick_size": "0.01",
        "tick_value": "1.00",
        "volume_min": "0.01",
        "volume_max": "50",
        "volume_step": "0.01",
        "currency_base": "XAU",
        "currency_profit": "USD",
        "currency_margin": "USD",
        **fields,
    }


def instruments(
    *, user_id: str, login: int, specs: list[dict[str, Any]], account: dict[str, Any] | None = None, **fields: Any
) -> AccountInstruments:
    """An `account.instruments.v1` for the account of `snapshot`."""
    return AccountInstruments.model_validate(
        {
            "user_id": user_id,
            "account": {"login": login, "server": "Test-MT5", "currency": "USD", "leverage": 100, **(account or {})},
            "captured_at": datetime.now(UTC).isoformat(),
            "instruments": specs,
            **fields,
        }
    )


def entry(entry_price: str, stop_loss: str, take_profit: str | None = None) -> dict[str, Any]:
    """One entry of a request."""
    return {"entry_price": entry_price, "stop_loss": stop_loss, "take_profit": take_profit}


def request_document(*, user_id: str, **fields: Any) -> dict[str, Any]:
    """A `sizing.request.v1` as JSON: buy XAUUSD at 1950 with the stop five dollars below, in three entries."""
    return {
        "request_id": str(uuid4()),
        "user_id": user_id,
        "setup_id": "setup-001",
        "instrument": "XAUUSD",
        "side": "buy",
        "entries": [entry("1950.00", "1945.00"), entry("1948.00", "1943.00"), entry("1946.00", "1941.00")],
        **fields,
    }


def request(*, user_id: str, **fields: Any) -> SizingRequest:
    """The same, read."""
    return SizingRequest.model_validate(request_document(user_id=user_id, **fields))


def outcome(request_id: UUID, outcome: str, **fields: Any) -> SizingOutcome:
    """A `sizing.outcome.v1`: what became of an approved setup, just now."""
    now = datetime.now(UTC).isoformat()
    return SizingOutcome.model_validate(
        {"request_id": str(request_id), "outcome": outcome, "occurred_at": now, **fields}
    )


def delivery(content: BaseModel, **fields: Any) -> Delivery:
    """A message as a handler gets it: sent now, by nobody in particular, no reply asked for."""
    properties: dict[str, Any] = {
        "type": None,
        "message_id": uuid4(),
        "sent_at": datetime.now(UTC),
        "sender": None,
        "reply_to": None,
        "correlation_id": None,
        "attempt": 0,
        "redelivered": False,
        "authorization": None,
        "trace": {},
    }
    return Delivery(content=content, **properties | fields)


def decimals(*texts: str) -> list[Decimal]:
    """Exact decimals, as they are written."""
    return [Decimal(text) for text in texts]
