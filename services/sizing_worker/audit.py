"""What is written beside a decision: its audit row, and what it reserves."""

from __future__ import annotations

from decimal import Decimal

from services.sizing_worker.store import Reservation, RiskLog
from shared.schemas.sizing import ENTRIES_MAX, SizingRequest
from shared.sizing.decision import Decision


def audit_row(request: SizingRequest, decision: Decision) -> RiskLog:
    """What trade_setup_risk_logs keeps; null is what the decision did not reach."""
    reply, account, summary = decision.reply, decision.account, decision.reply.summary
    volumes = _volumes(decision)
    if summary.global_risk_percent is None or reply.config_version is None:
        raise ValueError("a decision names the configuration that it was made under")
    return RiskLog(
        request_id=request.request_id,
        user_id=request.user_id,
        user_mt5_account_id=account.id if account else None,
        setup_id=request.setup_id,
        instrument=request.instrument,
        side=request.side,
        account_balance=account.balance if account else None,
        account_equity=account.equity if account else None,
        margin_available=summary.margin_available,
        account_leverage=account.leverage if account else None,
        global_risk_percent=summary.global_risk_percent,
        config_version=reply.config_version,
        allocated_risk_amount=summary.allocated_risk_amount,
        entry_1_volume=volumes[0],
        entry_2_volume=volumes[1],
        entry_3_volume=volumes[2],
        total_stop_loss_amount=summary.total_stop_loss_amount,
        total_margin_required=summary.total_margin_required,
        setup_approved=reply.status == "approved",
        rejection_reason=reply.reasons[0].code if reply.reasons else None,
        created_at=reply.decided_at,
    )


def reservation(request: SizingRequest, decision: Decision) -> Reservation | None:
    """What an approval holds: the margin that its reply names, rounded up, until a snapshot carries its orders."""
    reply, account = decision.reply, decision.account
    margin, expires_at = reply.summary.total_margin_required, reply.reservation_expires_at
    if account is None or margin is None or expires_at is None:
        return None
    return Reservation(
        request_id=request.request_id,
        user_mt5_account_id=account.id,
        margin=margin,
        decided_at=reply.decided_at,
        expires_at=expires_at,
    )


def _volumes(decision: Decision) -> list[Decimal | None]:
    """Lots by entry; none of a setup that was not approved."""
    volumes: list[Decimal | None] = [position.volume for position in decision.reply.positions]
    return volumes + [None] * (ENTRIES_MAX - len(volumes))
