"""A sizing decision on a terminal: its status, the entries as a table, the sums with their units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from shared.cli.terminal import say, say_marked, show
from shared.cli.texts import safe, short_time
from shared.schemas.values import format_decimal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from shared.schemas.sizing import SizingDecision

COLOUR_OF = {"approved": "green", "rejected": "yellow", "error": "red"}


def show_decision(decision: SizingDecision) -> None:
    """Write a decision to standard output."""
    say_marked(decision.status, COLOUR_OF[decision.status], f" {safe(_subject(decision))}")
    for reason in decision.reasons:
        say(f"  {reason.code}: {safe(reason.message)}" + (f" ({safe(reason.field)})" if reason.field else ""))
    if decision.positions:
        show(positions_table(decision))
    for line in _sums(decision):
        say(line)
    say(f"request {decision.request_id}{_reservation(decision)}")


def positions_table(decision: SizingDecision) -> Table:
    """One row an entry: lots, prices, and money in the account's currency."""
    money = f" ({decision.account.currency})" if decision.account else ""
    made = Table(box=None, pad_edge=False)
    titles = ("entry", "volume (lots)", "price", "stop", "take profit")
    for title in (*titles, f"budget{money}", f"loss at stop{money}", f"margin{money}"):
        made.add_column(title, justify="right", no_wrap=True)
    made.add_column("limited by", no_wrap=True)
    for position in decision.positions:
        prices = (position.entry_price, position.stop_loss, position.take_profit)
        amounts = (position.risk_budget, position.stop_loss_amount, position.margin_required)
        numbers = (position.volume, *prices, *amounts)
        made.add_row(str(position.entry_number), *(_plain(number) for number in numbers), position.binding_limit)
    return made


def _subject(decision: SizingDecision) -> str:
    symbol = f" ({decision.symbol})" if decision.symbol else ""
    account = f" on {decision.account.login}@{decision.account.server}" if decision.account else ""
    return f"{decision.side or ''} {decision.instrument or ''}{symbol}{account}, user {decision.user_id}".strip()


def _sums(decision: SizingDecision) -> Iterator[str]:
    """What was reached, line by line."""
    total, currency = decision.summary, decision.account.currency if decision.account else ""
    if total.allocated_risk_amount is not None:
        version = f"configuration {decision.config_version}"
        percent = f"{_plain(total.global_risk_percent)} %"
        yield f"budget  {_plain(total.allocated_risk_amount)} {currency}, {percent} of risk under {version}"
    if total.total_volume is not None:
        loss = f"{_plain(total.total_stop_loss_amount)} {currency} ({_plain(total.total_stop_loss_percent)} %)"
        yield f"total   {_plain(total.total_volume)} lots, {loss} lost at the stops"
    if total.total_margin_required is not None:
        reserved = f"{_plain(total.margin_reserved)} held by other setups"
        after = "" if total.margin_after is None else f", {_plain(total.margin_after)} after this one"
        required = f"{_plain(total.total_margin_required)} of {_plain(total.margin_available)} {currency}"
        yield f"margin  {required} available ({reserved}){after}"


def _reservation(decision: SizingDecision) -> str:
    if decision.reservation_expires_at is None:
        return ""
    return f"; its margin is reserved, and it may be acted upon, until {short_time(decision.reservation_expires_at)}"


def _plain(number: Decimal | None) -> str:
    return "" if number is None else format_decimal(number)
