"""What is written of a decision: its audit row, its memory and proof, and what it reserves."""

from __future__ import annotations

from uuid import UUID

from services.sizing_worker.store import Fresh
from shared.schemas.sizing import SizingRequest
from shared.sizing.decision import Decision
from shared.sizing.reply import Answer
from shared.sizing.situation import Situation


def fresh(
    request: SizingRequest,
    situation: Situation,
    decision: Decision,
    *,
    content_hash: bytes,
    record: bytes,
    reservations_of: UUID | None,
) -> Fresh:
    """What is stored of a decision; null is what it did not reach.

    An approval holds the margin that its reply names, rounded up, until a snapshot carries its orders.
    """
    answer, account, totals = decision.answer, decision.account, decision.answer.totals
    reasons = decision.verdict.reasons
    return Fresh(
        request_id=request.request_id,
        user_id=request.user_id,
        user_mt5_account_id=account.id if account else None,
        setup_id=request.setup_id,
        instrument=request.instrument,
        side=request.side,
        account_balance=account.balance if account else None,
        account_equity=account.equity if account else None,
        margin_available=totals.margin_available,
        account_leverage=account.leverage if account else None,
        global_risk_percent=totals.global_risk_percent,
        config_version=situation.configuration.version,
        allocated_risk_amount=totals.allocated_risk_amount,
        entry_1_volume=_volume(answer, 0),
        entry_2_volume=_volume(answer, 1),
        entry_3_volume=_volume(answer, 2),
        total_stop_loss_amount=totals.total_stop_loss_amount,
        total_margin_required=totals.total_margin_required,
        setup_approved=answer.status == "approved",
        rejection_reason=reasons[0].code if reasons else None,
        created_at=situation.decided_at,
        content_hash=content_hash,
        reply=answer.body,
        record=record,
        reservations_of=reservations_of,
        reserved_until=answer.reservation_expires_at,
    )


def _volume(answer: Answer, index: int) -> str | None:
    """Lots of an entry; none of a setup that was not approved."""
    return answer.volumes[index] if index < len(answer.volumes) else None
