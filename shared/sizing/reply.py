"""The wire form of a decision: money rounded against the account, totals from exact sums, nothing judged here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from shared.schemas.decoding import InvalidMessage
from shared.schemas.reasons import Reason
from shared.schemas.sizing import DecidedAccount, Entry, Position, Side, SizingDecision, SizingRequest, Status, Summary
from shared.schemas.values import DECIMAL_DIGITS_MAX, Id, Identifier
from shared.sizing.account import Account
from shared.sizing.rational import Rational
from shared.sizing.rounding import round_down, round_up, shortest
from shared.sizing.situation import Situation
from shared.sizing.verdict import EntryFigures, SetupFigures, Verdict

PERCENT_DIGITS = 2
ERRORS = frozenset({"invalid_message", "request_id_conflict", "invalid_stop"})
"""Codes that say the request itself is wrong; every other code says no for the account or the market."""

_ENDS = tuple(Decimal(f"1E{DECIMAL_DIGITS_MAX - digits}") for digits in range(DECIMAL_DIGITS_MAX + 1))
"""By places behind the point: the first number that has more digits than the wire carries."""
_STRICT = ConfigDict(strict=True)
_UUID: TypeAdapter[Any] = TypeAdapter(Id, config=_STRICT)
_NAME: TypeAdapter[Any] = TypeAdapter(Identifier, config=_STRICT)
_SIDE: TypeAdapter[Any] = TypeAdapter(Side, config=_STRICT)


class FigureTooLongError(ValueError):
    """A figure has more digits than a message may carry."""


def decision_reply(request: SizingRequest, situation: Situation, verdict: Verdict) -> SizingDecision:
    """The reply to a request that was decided. Raises FigureTooLongError, and nothing else."""
    account = verdict.candidate.account if verdict.candidate else None
    approved = not verdict.reasons
    # Constructed without validation, which would double the cost of a decision: every value comes from a validated
    # request or was made here in its final type, and each figure's length was checked.
    return SizingDecision.model_construct(
        request_id=request.request_id,
        setup_id=request.setup_id,
        user_id=request.user_id,
        account=_decided(account) if account else None,
        instrument=request.instrument,
        symbol=verdict.published.spec.symbol if verdict.published else None,
        side=request.side,
        status=_status(verdict.reasons),
        reasons=verdict.reasons,
        positions=_positions(request, account, verdict.setup) if account and verdict.setup and approved else (),
        summary=_summary(situation, account, verdict),
        config_version=situation.configuration.version,
        captured_at=account.captured_at if account else None,
        decided_at=situation.decided_at,
        reservation_expires_at=_reservation_end(situation) if approved else None,
    )


def conflict_reply(request: SizingRequest, decided_at: datetime) -> SizingDecision:
    """The reply to another content under a `request_id` that is taken; it decides nothing."""
    reason = Reason(
        code="request_id_conflict",
        message="Another request was already decided under this request_id: send a new attempt under a new one.",
        field="request_id",
    )
    echo = {field: getattr(request, field) for field in ("request_id", "setup_id", "user_id", "instrument", "side")}
    return _undecided(echo, (reason,), decided_at)


def invalid_reply(invalid: InvalidMessage, decided_at: datetime) -> SizingDecision:
    """The reply to a request that could not be read; it decides nothing.

    Names each wrong field, and repeats of the untrusted document only what is readable by itself.
    """
    echo = {"request_id": _readable(_UUID, invalid.document.get("request_id"))}
    echo |= {field: _readable(_NAME, invalid.document.get(field)) for field in ("setup_id", "user_id", "instrument")}
    echo["side"] = _readable(_SIDE, invalid.document.get("side"))
    reasons = tuple(
        Reason(code="invalid_message", message=error.message, field=error.field) for error in invalid.errors
    )
    return _undecided(echo, reasons, decided_at)


def _undecided(echo: Mapping[str, Any], reasons: tuple[Reason, ...], decided_at: datetime) -> SizingDecision:
    return SizingDecision(
        **echo,
        account=None,
        symbol=None,
        status="error",
        reasons=reasons,
        positions=(),
        summary=Summary(),
        config_version=None,
        captured_at=None,
        decided_at=decided_at,
        reservation_expires_at=None,
    )


def _readable(adapter: TypeAdapter[Any], value: object) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError:
        return None


def _status(reasons: tuple[Reason, ...]) -> Status:
    if not reasons:
        return "approved"
    return "error" if reasons[0].code in ERRORS else "rejected"


def _decided(account: Account) -> DecidedAccount:
    return DecidedAccount.model_construct(login=account.login, server=account.server, currency=account.currency)


def _reservation_end(situation: Situation) -> datetime | None:
    seconds = situation.rules.reservation_s
    return None if seconds is None else situation.decided_at + timedelta(seconds=seconds)


def _positions(request: SizingRequest, account: Account, setup: SetupFigures) -> tuple[Position, ...]:
    return tuple(
        _position(number, entry, figures, money_digits=account.currency_digits, lot_digits=setup.bounds.digits)
        for number, (entry, figures) in enumerate(zip(request.entries, setup.entries, strict=True), start=1)
    )


def _position(number: int, entry: Entry, figures: EntryFigures, *, money_digits: int, lot_digits: int) -> Position:
    return Position.model_construct(
        entry_number=number,
        volume=_down(figures.volume.lots, lot_digits),
        entry_price=entry.entry_price,
        stop_loss=entry.stop_loss,
        take_profit=entry.take_profit,
        risk_budget=_down(figures.budget, money_digits),
        loss_per_lot=_up(figures.loss_per_lot, money_digits),
        stop_loss_amount=_up(figures.loss, money_digits),
        margin_required=_up(figures.margin, money_digits),
        binding_limit=figures.volume.binding_limit,
    )


def _summary(situation: Situation, account: Account | None, verdict: Verdict) -> Summary:
    figures = {"global_risk_percent": shortest(situation.configuration.risk_percent)}
    if account is not None:
        figures |= _risk_figures(account.currency_digits, verdict)
        figures |= _margin_figures(account.currency_digits, verdict)
    return Summary.model_construct(None, **figures)


def _risk_figures(digits: int, verdict: Verdict) -> dict[str, Decimal]:
    if verdict.budget is None:
        return {}
    figures = {"allocated_risk_amount": _down(verdict.budget.amount, digits)}
    if verdict.setup is None:
        return figures
    loss = verdict.setup.loss
    return figures | {
        "total_volume": _down(verdict.setup.lots, verdict.setup.bounds.digits),
        "total_stop_loss_amount": _up(loss, digits),
        "total_stop_loss_percent": shortest(_up(loss / verdict.budget.basis * 100, PERCENT_DIGITS)),
        "risk_used_percent": shortest(_down(loss / verdict.budget.amount * 100, PERCENT_DIGITS)),
    }


def _margin_figures(digits: int, verdict: Verdict) -> dict[str, Decimal]:
    if verdict.margin is None or verdict.setup is None:
        return {}
    required = verdict.setup.margin
    return {
        "total_margin_required": _up(required, digits),
        "margin_available": _down(verdict.margin.free, digits),
        "margin_reserved": _up(verdict.margin.reserved, digits),
        "margin_after": _down(verdict.margin.free - required, digits),
    }


def _down(amount: Rational, digits: int) -> Decimal:
    return _carried(round_down(amount, digits), digits)


def _up(amount: Rational, digits: int) -> Decimal:
    return _carried(round_up(amount, digits), digits)


def _carried(figure: Decimal, digits: int) -> Decimal:
    if figure.copy_abs() < _ENDS[digits]:  # abs() would round to the context's precision
        return figure
    raise FigureTooLongError(f"a figure has more than {DECIMAL_DIGITS_MAX} digits")
