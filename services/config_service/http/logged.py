"""A decision as it is told, to those who ask and to those who follow."""

from __future__ import annotations

from services.config_service.reading import Found
from shared.schemas.sizing import Side, Status
from shared.schemas.values import ExactDecimal, Id, Message, UtcTime
from shared.sizing.rounding import shortest


class LoggedDecision(Message):
    """The audit row of a decision. Money in account currency, volumes in lots; null is what was not reached.

    `login` and `server` are null where no account was found. `reason` is null where it was approved.
    """

    request_id: Id
    user_id: str
    login: int | None
    server: str | None
    setup_id: str
    instrument: str
    side: Side
    status: Status
    reason: str | None
    config_version: int
    global_risk_percent: ExactDecimal
    account_balance: ExactDecimal | None
    account_equity: ExactDecimal | None
    account_leverage: int | None
    margin_available: ExactDecimal | None
    allocated_risk_amount: ExactDecimal | None
    entry_1_volume: ExactDecimal | None
    entry_2_volume: ExactDecimal | None
    entry_3_volume: ExactDecimal | None
    total_stop_loss_amount: ExactDecimal | None
    total_margin_required: ExactDecimal | None
    decided_at: UtcTime


def logged(found: Found) -> LoggedDecision:
    """A row of the log as its decision is told."""
    percent = shortest(found.fields["global_risk_percent"])
    return LoggedDecision.model_validate({**found.fields, "global_risk_percent": percent})
