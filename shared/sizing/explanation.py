"""A decision explained: its arithmetic line by line, with units, as a trader would check it by hand.

Everything comes from the decision's record and its reply: an explanation tells what was done, by whichever engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shared.schemas.sizing import SizingDecision
from shared.sizing.account import Candidate
from shared.sizing.budget import Budget
from shared.sizing.explained import Explanation, Line, Section, moment
from shared.sizing.explained_entries import entry_sections
from shared.sizing.explained_instrument import instrument_section
from shared.sizing.formulas import Formula, shown
from shared.sizing.margin import FreeMargin
from shared.sizing.rational import ZERO, Rational, exact
from shared.sizing.record import Record
from shared.sizing.rounding import shortest, shortest_text
from shared.sizing.verdict import SetupFigures


def explain(record: Record, reply: SizingDecision) -> Explanation:
    """The decision that `record` was written for and `reply` answered, as far as it got."""
    return Explanation(tuple(_sections(record, reply)))


def _sections(record: Record, reply: SizingDecision) -> Iterator[Section]:
    yield _request(record, reply)
    candidate = _chosen(record, reply)
    if candidate is not None:
        yield _account(candidate)
        yield instrument_section(record.request.instrument, candidate)
        if record.budget is not None:
            yield _budget(record, reply, record.budget, candidate)
        if record.setup is not None:
            factor = _shrink_factor(record, reply)
            yield from entry_sections(record, candidate, record.setup, reply.positions, factor)
            yield _totals(record, reply, record.setup, candidate)
        if record.setup is not None and record.margin is not None:
            yield _margin(record, reply, record.margin, record.setup, candidate)
    yield _outcome(reply)


def _chosen(record: Record, reply: SizingDecision) -> Candidate | None:
    """The account that was chosen: the one that the reply names."""
    if reply.account is None:
        return None
    key = (record.request.user_id, reply.account.login, reply.account.server)
    accounts = {
        (one.account.user_id, one.account.login, one.account.server): one for one in record.situation.candidates
    }
    return accounts.get(key)


def _request(record: Record, reply: SizingDecision) -> Section:
    request, situation = record.request, record.situation
    title = f"Request {request.request_id}: {request.side} {request.instrument}, {len(request.entries)} "
    lines = (
        Line("status", reply.status),
        Line("user_id", request.user_id),
        Line("setup_id", request.setup_id),
        moment("decided_at", situation.decided_at),
        moment("awaited_until", situation.expires_at),
        Line("on_insufficient_margin", request.on_insufficient_margin),
        Line("config_version", situation.configuration.version),
        Line("engine_version", record.engine_version),
    )
    return Section.of("request", title + ("entry" if len(request.entries) == 1 else "entries"), lines)


def _account(candidate: Candidate) -> Section:
    account = candidate.account
    lines = (
        moment("captured_at", account.captured_at),
        Line("balance", account.balance, account.currency),
        Line("equity", account.equity, account.currency),
        Line("margin_free", account.margin_free, account.currency),
        Line("leverage", f"1:{account.leverage}"),
        Line("margin_mode", account.margin_mode),
        Line("trade_allowed", "yes" if account.trade_allowed else "no"),
    )
    return Section.of("account", f"Account {account.login} on {account.server}", lines)


def _budget(record: Record, reply: SizingDecision, budget: Budget, candidate: Candidate) -> Section:
    configuration, currency = record.situation.configuration, candidate.account.currency
    basis = record.situation.rules.risk_basis
    percent = shortest(configuration.risk_percent)
    name = "lower of balance and equity" if basis == "lower" else basis
    amount = Formula.of(name, budget.basis).times("risk percent", percent).over("100", 100)
    splits = (Line(f"split_{number}", split) for number, split in enumerate(configuration.entry_splits, start=1))
    lines = (
        Line("risk_percent", percent, "%"),
        Line("budget", budget.amount, currency, amount, reply.summary.allocated_risk_amount),
        *splits,
    )
    return Section.of("budget", "Budget: what the setup may lose", lines)


def _totals(record: Record, reply: SizingDecision, setup: SetupFigures, candidate: Candidate) -> Section:
    currency, summary, entries = candidate.account.currency, reply.summary, setup.entries
    lots, loss, margin = (
        _sum(entry.volume.lots for entry in entries),
        _sum(entry.loss for entry in entries),
        _sum(entry.margin for entry in entries),
    )
    lines = [
        Line("total_volume", setup.lots, "lots", lots, summary.total_volume),
        Line("total_stop_loss_amount", setup.loss, currency, loss, summary.total_stop_loss_amount),
    ]
    if record.budget is not None:
        of_basis = Formula.of("total loss", setup.loss).over("basis", record.budget.basis).times("100", 100)
        of_budget = Formula.of("total loss", setup.loss).over("budget", record.budget.amount).times("100", 100)
        percent, used = setup.loss / record.budget.basis * 100, setup.loss / record.budget.amount * 100
        lines += [
            Line("total_stop_loss_percent", percent, "%", of_basis, summary.total_stop_loss_percent),
            Line("risk_used_percent", used, "%", of_budget, summary.risk_used_percent),
        ]
    lines.append(Line("total_margin_required", setup.margin, currency, margin, summary.total_margin_required))
    return Section("totals", "Totals", tuple(lines))


def _sum(amounts: Iterable[Rational]) -> Formula | None:
    """The amounts of several entries added up; None where there is one, whose amount the total repeats."""
    terms = [shown(amount) for amount in amounts]
    return Formula("sum of the entries", " + ".join(terms)) if len(terms) > 1 else None


def _margin(
    record: Record, reply: SizingDecision, margin: FreeMargin, setup: SetupFigures, candidate: Candidate
) -> Section:
    account, summary = candidate.account, reply.summary
    currency, buffer = account.currency, record.situation.configuration.margin_buffer_percent
    factor = _shrink_factor(record, reply)
    free = Formula.of("margin free", account.margin_free).then("−", "reserved", margin.reserved)
    limit = Formula.of("free", margin.free).times("(1 − margin buffer % / 100)", f"(1 − {shortest_text(buffer)} / 100)")
    left = Formula.of("free", margin.free).then("−", "margin required", setup.margin)
    lines = (
        *_reservations(record, margin, currency),
        Line("reserved", margin.reserved, currency, told=summary.margin_reserved, note="held by other setups"),
        Line("free", margin.free, currency, free, summary.margin_available),
        Line("limit", margin.limit, currency, limit),
        Line("required", margin.required, currency, _before_shrinking(setup, factor), note=_comparison(margin)),
        *_shrinking(margin, setup, currency, factor),
        Line("margin_after", margin.free - setup.margin, currency, left, summary.margin_after),
    )
    return Section.of("margin", "Margin", lines)


def _reservations(record: Record, margin: FreeMargin, currency: str) -> Iterator[Line]:
    """Each by the request that made it. The list may be in the record of a decision that is forgotten by now."""
    yield from (Line(f"reserved_by_{request}", amount, currency) for request, amount in record.reservations.items())
    forgotten = margin.reserved - sum(map(exact, record.reservations.values()), ZERO)
    if forgotten:
        yield Line("reserved_by_others", forgotten, currency, note="their list went with a decision that is forgotten")


def _comparison(margin: FreeMargin) -> str:
    if margin.code is None:
        return "not above the limit"
    return "above what is free" if margin.code == "insufficient_margin" else "above the limit that the buffer leaves"


def _before_shrinking(setup: SetupFigures, factor: Rational | None) -> Formula | None:
    """Where a setup was shrunk, the lines above tell the margin of what was left; else the total above is required."""
    if factor is None:
        return None
    terms = (f"{shown(entry.limited.lots)} × {shown(entry.margin_per_lot)}" for entry in setup.entries)
    return Formula("sum of volume before shrinking × margin per lot", " + ".join(terms))


def _shrinking(margin: FreeMargin, setup: SetupFigures, currency: str, factor: Rational | None) -> Iterator[Line]:
    if factor is not None:
        formula = Formula.of("limit", margin.limit).over("required", margin.required)
        yield Line("shrink_factor", factor, formula=formula)
        yield Line("required_after_shrinking", setup.margin, currency)


def _shrink_factor(record: Record, reply: SizingDecision) -> Rational | None:
    """What the volumes were multiplied by; None where they were not."""
    if record.margin is None or record.margin.code is None or reply.status != "approved":
        return None
    return record.margin.limit / record.margin.required


def _outcome(reply: SizingDecision) -> Section:
    if reply.status == "approved":
        return Section.of("outcome", "Approved", (moment("reservation_expires_at", reply.reservation_expires_at),))
    reasons = enumerate(reply.reasons, start=1)
    lines = (Line(f"reason_{number}", f"{one.code}: {one.message}", note=one.field or "") for number, one in reasons)
    return Section.of("outcome", reply.status.capitalize(), lines)
