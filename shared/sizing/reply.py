"""The wire form of a decision: money rounded against the account, totals from exact sums, nothing judged here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from pydantic import ConfigDict, TypeAdapter, ValidationError

from shared.schemas.decoding import InvalidMessage
from shared.schemas.reasons import Reason
from shared.schemas.sizing import Entry, Side, SizingDecision, SizingRequest, Status, Summary
from shared.schemas.values import DECIMAL_DIGITS_MAX, Id, Identifier, format_decimal, format_time
from shared.sizing.account import Account
from shared.sizing.rational import Rational
from shared.sizing.rounding import fixed_point, shortest_text, units_above, units_below, without_zeros
from shared.sizing.situation import Situation
from shared.sizing.verdict import EntryFigures, SetupFigures, Verdict

PERCENT_DIGITS = 2
ERRORS = frozenset({"invalid_message", "request_id_conflict", "invalid_stop"})
"""Codes that say the request itself is wrong; every other code says no for the account or the market."""

UNITS_END = 10**DECIMAL_DIGITS_MAX
"""The first number of units in the last place that has more digits than the wire carries."""

_STRICT = ConfigDict(strict=True)
_UUID: TypeAdapter[Any] = TypeAdapter(Id, config=_STRICT)
_NAME: TypeAdapter[Any] = TypeAdapter(Identifier, config=_STRICT)
_SIDE: TypeAdapter[Any] = TypeAdapter(Side, config=_STRICT)


class FigureTooLongError(ValueError):
    """A figure has more digits than a message may carry."""


class Totals(NamedTuple):
    """The reply's `summary` as it is written, in account currency, lots and percent; None is what was not reached."""

    global_risk_percent: str
    allocated_risk_amount: str | None = None
    total_volume: str | None = None
    total_stop_loss_amount: str | None = None
    total_stop_loss_percent: str | None = None
    risk_used_percent: str | None = None
    total_margin_required: str | None = None
    margin_available: str | None = None
    margin_reserved: str | None = None
    margin_after: str | None = None


class Answer(NamedTuple):
    """The reply to a request that was decided: its bytes, and of what they say that which is stored beside them.

    `volumes` are the lots of each entry, as written; empty unless approved.
    """

    body: bytes
    status: Status
    volumes: tuple[str, ...]
    totals: Totals
    reservation_expires_at: datetime | None


def decision_answer(request: SizingRequest, situation: Situation, verdict: Verdict) -> Answer:
    """The reply to a request that was decided, a `SizingDecision` as JSON. Raises FigureTooLongError, and nothing else.

    Written as text at once: making the model first and its JSON from it took as long as the whole arithmetic.
    """
    account = verdict.candidate.account if verdict.candidate else None
    approved = not verdict.reasons
    positions = _positions(request, account, verdict.setup) if account and verdict.setup and approved else []
    totals = _totals(situation, account, verdict)
    status = _status(verdict.reasons)
    expires_at = _reservation_end(situation) if approved else None
    body = orjson.dumps(
        {
            "request_id": request.request_id,
            "setup_id": request.setup_id,
            "user_id": request.user_id,
            "account": _decided(account) if account else None,
            "instrument": request.instrument,
            "symbol": verdict.published.spec.symbol if verdict.published else None,
            "side": request.side,
            "status": status,
            "reasons": [reason.model_dump() for reason in verdict.reasons],
            "positions": positions,
            "summary": totals._asdict(),
            "config_version": situation.configuration.version,
            "captured_at": format_time(account.captured_at) if account else None,
            "decided_at": format_time(situation.decided_at),
            "reservation_expires_at": format_time(expires_at) if expires_at else None,
        }
    )
    return Answer(body, status, tuple(position["volume"] for position in positions), totals, expires_at)


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


def _decided(account: Account) -> dict[str, object]:
    return {"login": account.login, "server": account.server, "currency": account.currency}


def _reservation_end(situation: Situation) -> datetime | None:
    seconds = situation.rules.reservation_s
    return None if seconds is None else situation.decided_at + timedelta(seconds=seconds)


def _positions(request: SizingRequest, account: Account, setup: SetupFigures) -> list[dict[str, Any]]:
    return [
        _position(number, entry, figures, money_digits=account.currency_digits, lot_digits=setup.bounds.digits)
        for number, (entry, figures) in enumerate(zip(request.entries, setup.entries, strict=True), start=1)
    ]


def _position(
    number: int, entry: Entry, figures: EntryFigures, *, money_digits: int, lot_digits: int
) -> dict[str, Any]:
    return {
        "entry_number": number,
        "volume": _down(figures.volume.lots, lot_digits),
        "entry_price": format_decimal(entry.entry_price),
        "stop_loss": format_decimal(entry.stop_loss),
        "take_profit": None if entry.take_profit is None else format_decimal(entry.take_profit),
        "risk_budget": _down(figures.budget, money_digits),
        "loss_per_lot": _up(figures.loss_per_lot, money_digits),
        "stop_loss_amount": _up(figures.loss, money_digits),
        "margin_required": _up(figures.margin, money_digits),
        "binding_limit": figures.volume.binding_limit,
    }


def _totals(situation: Situation, account: Account | None, verdict: Verdict) -> Totals:
    totals = Totals(shortest_text(situation.configuration.risk_percent))
    if account is None or verdict.budget is None:
        return totals
    digits, budget, setup, margin = account.currency_digits, verdict.budget, verdict.setup, verdict.margin
    totals = totals._replace(allocated_risk_amount=_down(budget.amount, digits))
    if setup is None:
        return totals
    loss = setup.loss
    totals = totals._replace(
        total_volume=_down(setup.lots, setup.bounds.digits),
        total_stop_loss_amount=_up(loss, digits),
        total_stop_loss_percent=without_zeros(_up(loss / budget.basis * 100, PERCENT_DIGITS)),
        risk_used_percent=without_zeros(_down(loss / budget.amount * 100, PERCENT_DIGITS)),
    )
    if margin is None:
        return totals
    required = setup.margin
    return totals._replace(
        total_margin_required=_up(required, digits),
        margin_available=_down(margin.free, digits),
        margin_reserved=_up(margin.reserved, digits),
        margin_after=_down(margin.free - required, digits),
    )


def _down(amount: Rational, digits: int) -> str:
    return _carried(units_below(amount, digits), digits)


def _up(amount: Rational, digits: int) -> str:
    return _carried(units_above(amount, digits), digits)


def _carried(units: int, digits: int) -> str:
    if -UNITS_END < units < UNITS_END:
        return fixed_point(units, digits)
    raise FigureTooLongError(f"a figure has more than {DECIMAL_DIGITS_MAX} digits")
