"""How the demo looks: a live table in a terminal, plain lines without one, and the comparison at the end of both."""

from __future__ import annotations

import statistics
import time
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dev.demo.story import RISK_AFTER, RISK_BEFORE
from dev.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from dev.demo.database import AccountRow
    from dev.demo.simulator import Asked
    from dev.demo.story import Story, Turn
    from shared.schemas.sizing import SizingDecision

WIDE = 104
"""Columns from which on the tables show more than the essential."""
LINES_AROUND = 17
"""Lines of the live picture that are not decisions, the terminal's last included."""
DECISIONS_MIN = 4
REFRESH_PER_S = 8
DIAL_MAX = 5
DIAL_CELLS = 20
STATUS_STYLES = {"active": "green", "stale": "yellow", "inactive": "yellow", "error": "red"}


def lots(decision: SizingDecision) -> str:
    """The lots of each entry, in their order."""
    return " + ".join(str(position.volume) for position in decision.positions)


def money(amount: Decimal | None) -> str:
    """With its thousands set off, and every digit it has."""
    return "" if amount is None else f"{amount:,f}"


def reason(decision: SizingDecision) -> str:
    """The reason's code; empty where there is none."""
    return decision.reasons[0].code if decision.reasons else ""


def currency(decision: SizingDecision) -> str:
    """The account's currency; empty where no account was found."""
    return decision.account.currency if decision.account else ""


def milliseconds(seconds: float) -> str:
    """A short time as a person reads it."""
    return f"{seconds * 1000:.0f} ms"


class LineShow:
    """Plain lines, one a fact."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def accounts(self, rows: list[AccountRow]) -> None:
        """One line for each account that is new, or whose status changed."""
        for row in rows:
            if self._known.get(row.user_id) == row.sync_status:
                continue
            self._known[row.user_id] = row.sync_status
            self._line(
                f"account   {row.user_id:<5}{row.sync_status:<9}{row.account_currency}"
                f"  balance {money(row.balance)}, equity {money(row.equity)}, free margin {money(row.margin_free)},"
                f" {row.total_positions_volume} lots open, {age(row.age_s)} old"
            )

    def tell(self, sentence: str) -> None:
        """What happens next."""
        self._line(sentence)

    def decided(self, asked: Asked) -> None:
        """One line for each decision."""
        decision, summary = asked.decision, asked.decision.summary
        head = f"decision  {asked.setup.user:<5}{decision.status:<9}{asked.setup.instrument} {asked.setup.side:<4}"
        if decision.status == "approved":
            text = (
                f"{lots(decision)} lots, risk {money(summary.total_stop_loss_amount)} {currency(decision)}"
                f" ({summary.total_stop_loss_percent} %), margin {money(summary.total_margin_required)}"
            )
        else:
            text = "; ".join(f"{one.code}: {one.message}" for one in decision.reasons)
        dial = f"at {summary.global_risk_percent} %, version {decision.config_version}"
        self._line(f"{head}  {text}  [{dial}, {milliseconds(asked.took_s)}]")

    def turned(self, turn: Turn) -> None:
        """One line for the turn of the dial."""
        self._line(turned_sentence(turn))

    def _line(self, text: str) -> None:
        say(f"{datetime.now().astimezone():%H:%M:%S}  {text}")


class LiveShow:
    """One picture in the terminal, as high as the terminal allows, drawn anew several times a second."""

    def __init__(self, console: Console, *, processes: str) -> None:
        self._console = console
        self._processes = processes
        self._rows: list[AccountRow] = []
        self._asked: list[Asked] = []
        self._sentence = ""
        self._refused = ""
        self._turn: Turn | None = None
        self._started = time.monotonic()

    def live(self) -> Live:
        """The picture, to be entered; it vanishes when left, for what stays is printed then."""
        return Live(
            get_renderable=self._picture, console=self._console, refresh_per_second=REFRESH_PER_S, transient=True
        )

    def accounts(self, rows: list[AccountRow]) -> None:
        """The accounts are now as `rows`."""
        self._rows = rows

    def tell(self, sentence: str) -> None:
        """What happens next."""
        self._sentence = sentence

    def decided(self, asked: Asked) -> None:
        """A question was answered."""
        self._asked.append(asked)
        for refusal in asked.decision.reasons:
            self._refused = f"{asked.setup.user}: {refusal.message}"

    def turned(self, turn: Turn) -> None:
        """The dial was turned."""
        self._turn = turn
        self._sentence = turned_sentence(turn)

    def _picture(self) -> RenderableType:
        width, height = self._console.size
        room = max(DECISIONS_MIN, height - LINES_AROUND)
        parts: list[RenderableType] = [
            self._headline(),
            Text(),
            accounts_table(self._rows, wide=width >= WIDE),
            Text(),
            decisions_table(self._asked[-room:], wide=width >= WIDE),
            Text(),
            _one_line(self._refused, style="red"),
            _one_line(self._sentence, style="bold"),
        ]
        return Group(*parts)

    def _headline(self) -> Text:
        percent, version = RISK_BEFORE, 1
        if self._turn and self._turn.result.new_risk_percent is not None:
            percent, version = self._turn.result.new_risk_percent, self._turn.result.config_version or 0
        filled = round(percent / DIAL_MAX * DIAL_CELLS)
        return Text.assemble(
            (" Lotwise ", "bold reverse"),
            "  risk dial ",
            ("━" * filled, "bold yellow" if self._turn else "bold cyan"),
            ("─" * (DIAL_CELLS - filled), "dim"),
            (f" {percent} %", "bold"),
            (f"  version {version}  ·  {time.monotonic() - self._started:.0f} s", "dim"),
            (f"  ·  {self._processes}" if self._console.width >= WIDE else "", "dim"),
            no_wrap=True,
            overflow="ellipsis",
        )


def accounts_table(rows: list[AccountRow], *, wide: bool) -> Table:
    """The accounts as the database has them; `wide` adds login, server and used margin."""
    table = _table()
    table.add_column("user", no_wrap=True)
    if wide:
        table.add_column("login", justify="right", no_wrap=True)
        table.add_column("server", no_wrap=True)
    for name in ("balance", "equity", *(("margin used",) if wide else ()), "free margin"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("", "lots", "age"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for row in rows:
        table.add_row(
            row.user_id,
            *((str(row.mt5_account_id), row.mt5_server) if wide else ()),
            money(row.balance),
            money(row.equity),
            *((money(row.margin_used),) if wide else ()),
            money(row.margin_free),
            row.account_currency,
            str(row.total_positions_volume),
            age(row.age_s),
            Text(row.sync_status, style=STATUS_STYLES.get(row.sync_status, "")),
        )
    return table


def decisions_table(asked: Iterable[Asked], *, wide: bool) -> Table:
    """One row a decision; `wide` adds the margin that is left, the version and the time to the reply."""
    table = _table()
    table.add_column("user", no_wrap=True)
    table.add_column("setup", no_wrap=True)
    table.add_column("lots", no_wrap=True, min_width=19)
    for name in ("risk", "%", "margin", *(("margin left",) if wide else ())):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for name in ("dial", *(("version", "reply in") if wide else ())):
        table.add_column(name, justify="right", no_wrap=True)
    for one in asked:
        decision, summary = one.decision, one.decision.summary
        table.add_row(
            one.setup.user,
            f"{one.setup.instrument} {one.setup.side}",
            lots(decision) or Text(reason(decision), style="red"),
            *_figures(decision, wide=wide),
            currency(decision) if decision.positions else "",
            f"{summary.global_risk_percent} %",
            *((str(decision.config_version), milliseconds(one.took_s)) if wide else ()),
            style="" if summary.global_risk_percent == RISK_BEFORE else "yellow",
        )
    return table


def _figures(decision: SizingDecision, *, wide: bool) -> list[str]:
    summary = decision.summary
    if decision.status != "approved":
        return [""] * (4 if wide else 3)
    figures = [money(summary.total_stop_loss_amount), str(summary.total_stop_loss_percent)]
    return [*figures, money(summary.total_margin_required), *([money(summary.margin_after)] if wide else [])]


def comparison_table(story: Story) -> Table:
    """The same setups before and after the turn of the dial: lots, risk, margin, or why not."""
    table = Table(box=box.SIMPLE_HEAD, title="The same setups, before and after", title_justify="left", show_lines=True)
    table.add_column("user", no_wrap=True)
    table.add_column("setup", no_wrap=True)
    for percent in (RISK_BEFORE, RISK_AFTER):
        table.add_column(f"at {percent} %", max_width=40)
    last_before = {one.setup.user: one for one in story.before()}
    first_after = {one.setup.user: one for one in reversed(story.after())}
    for user, one in last_before.items():
        after = first_after.get(user)
        cells = (_told(one), _told(after) if after else Text())
        table.add_row(user, f"{one.setup.instrument}\n{one.setup.side}", *cells)
    return table


def _told(asked: Asked) -> Text:
    decision, summary = asked.decision, asked.decision.summary
    if decision.status != "approved":
        return Text("\n".join(f"{one.code}\n{one.message}" for one in decision.reasons), style="red")
    return Text.assemble(
        (f"{lots(decision)} lots", "bold"),
        f"\nrisk {money(summary.total_stop_loss_amount)} {currency(decision)} ({summary.total_stop_loss_percent} %)",
        f"\nmargin {money(summary.total_margin_required)} {currency(decision)}",
    )


def turned_sentence(turn: Turn) -> str:
    """What the owner was answered."""
    result = turn.result
    if result.status != "applied":
        return f"the owner's command was rejected: {'; '.join(one.message for one in result.reasons)}"
    return (
        f"the owner turned the dial: {result.previous_risk_percent} % → {result.new_risk_percent} %,"
        f" version {result.config_version}, in {milliseconds(turn.took_s)}"
    )


def timing_sentence(story: Story) -> str:
    """How fast the decisions were, as the signal engine saw it."""
    took = [asked.took_s for asked in story.asked]
    return f"replies: median {milliseconds(statistics.median(took))}, slowest {milliseconds(max(took))}"


def age(seconds: Decimal) -> str:
    """How old something is: seconds and tenths below a minute, else minutes:seconds."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02} min" if minutes else f"{seconds:.1f} s"


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)


def _one_line(text: str, *, style: str) -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
