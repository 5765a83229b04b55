"""The question "how many lots?", its answer, and what became of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.schemas.account import AccountKey
from shared.schemas.reasons import Reason
from shared.schemas.values import ExactDecimal, Id, Identifier, Login, Message, PositiveDecimal, UtcTime

Side = Literal["buy", "sell"]
Status = Literal["approved", "rejected", "error"]
BindingLimit = Literal["risk", "volume_max", "volume_min", "volume_limit", "margin"]
CurrencyPair = Annotated[str, StringConstraints(pattern=r"^[A-Z]{6}$")]

ENTRIES_MAX = 3


class Entry(Message):
    """One planned order: prices in the profit currency of the instrument."""

    entry_price: PositiveDecimal
    stop_loss: PositiveDecimal
    take_profit: PositiveDecimal | None = None


class SizingRequest(Message):
    """`sizing.request.v1`: how many lots for these entries, on this account, right now?

    `account` null means the user's only fresh one. `conversion_rates` serve only where the account has published no
    spec.
    `expires_at` null means the message's timestamp plus LOTWISE_REQUEST_SECONDS.
    """

    request_id: Id
    user_id: Identifier
    account: AccountKey | None = None
    setup_id: Identifier
    instrument: Identifier
    side: Side
    entries: Annotated[tuple[Entry, ...], Field(strict=False, min_length=1, max_length=ENTRIES_MAX)]
    conversion_rates: Annotated[
        dict[CurrencyPair, PositiveDecimal],
        Field(default_factory=dict, max_length=100, json_schema_extra={"additionalProperties": False, "default": {}}),
    ]
    on_insufficient_margin: Literal["reject", "shrink"] = "reject"
    expires_at: UtcTime | None = None


class DecidedAccount(Message):
    """The account that a decision is for."""

    login: Login
    server: Identifier
    currency: str


class Position(Message):
    """One entry, sized. Volume in lots; money in account currency; prices as they were sent."""

    entry_number: int
    volume: ExactDecimal
    entry_price: ExactDecimal
    stop_loss: ExactDecimal
    take_profit: ExactDecimal | None
    risk_budget: ExactDecimal
    loss_per_lot: ExactDecimal
    stop_loss_amount: ExactDecimal
    margin_required: ExactDecimal
    binding_limit: BindingLimit


class Summary(Message):
    """The setup as a whole, in account currency, lots and percent; null is what the decision did not reach."""

    global_risk_percent: ExactDecimal | None = None
    allocated_risk_amount: ExactDecimal | None = None
    total_volume: ExactDecimal | None = None
    total_stop_loss_amount: ExactDecimal | None = None
    total_stop_loss_percent: ExactDecimal | None = None
    risk_used_percent: ExactDecimal | None = None
    total_margin_required: ExactDecimal | None = None
    margin_available: ExactDecimal | None = None
    margin_reserved: ExactDecimal | None = None
    margin_after: ExactDecimal | None = None


class SizingDecision(Message):
    """`sizing.decision.v1`: the reply to a request, and the event `sizing.decided`.

    `approved`: place `positions`. `rejected`: the account or the market says no. `error`: the request itself is wrong.
    `symbol` is null where the catalogue served; unless approved `positions` is empty.
    """

    request_id: Id | None
    setup_id: str | None
    user_id: str | None
    account: DecidedAccount | None
    instrument: str | None
    symbol: str | None
    side: Side | None
    status: Status
    reasons: Annotated[tuple[Reason, ...], Field(strict=False)]
    positions: Annotated[tuple[Position, ...], Field(strict=False)]
    summary: Summary
    config_version: int | None
    captured_at: UtcTime | None
    decided_at: UtcTime
    reservation_expires_at: UtcTime | None


class SizingOutcome(Message):
    """`sizing.outcome.v1`: what became of an approved setup.

    `executed`: at least one order is at the broker and none is still to be sent.
    """

    request_id: Id
    outcome: Literal["executed", "cancelled", "failed"]
    occurred_at: UtcTime
