"""What is written of a decision: its audit row, its memory and proof, and what it reserves."""

from __future__ import annotations

from decimal import Decimal

from services.sizing_worker.store import Fresh
from shared.schemas.sizing import ENTRIES_MAX, SizingRequest
from shared.sizing.decision import Decision


def fresh(request: SizingRequest, decision: Decision, *, content_hash: bytes, reply: bytes, record: bytes) -> Fresh:
    """What is stored of a decision; null is what it did not reach.

    An approval holds the margin that its reply names, rounded up, until a snapshot carries its orders.
    """
    answer, account, summary = decision.reply, decision.account, decision.reply.summary
    volumes = _volumes(decision)
    if summary.global_risk_percent is None or answer.config_version is None:
        raise ValueError("a decision names the configuration that it was made under")
    return Fresh(
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
        config_version=answer.config_version,
        allocated_risk_amount=summary.allocated_risk_amount,
        entry_1_volume=volumes[0],
        entry_2_volume=volumes[1],
        entry_3_volume=volumes[2],
        total_stop_loss_amount=summary.total_stop_loss_amount,
        total_margin_required=summary.total_margin_required,
        setup_approved=answer.status == "approved",
        rejection_reason=answer.reasons[0].code if answer.reasons else None,
        created_at=answer.decided_at,
        content_hash=content_hash,
        reply=reply,
        record=record,
        reserved_until=answer.reservation_expires_at,
    )


def _volumes(decision: Decision) -> list[Decimal | None]:
    """Lots by entry; none of a setup that was not approved."""
    volumes: list[Decimal | None] = [position.volume for position in decision.reply.positions]
    return volumes + [None] * (ENTRIES_MAX - len(volumes))
