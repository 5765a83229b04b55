"""`lotwise simulate`: what the same requests would have got under another percent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from shared.cli.comparison import Measure, measures, table
from shared.cli.spans import Meant, OfAccount, Since, Until
from shared.cli.terminal import clear_failures, say, show
from shared.schemas.values import parse_decimal
from shared.sizing.configuration import RISK_PERCENT_MAX, RISK_PERCENT_MIN
from shared.sizing.simulation import Tally

if TYPE_CHECKING:
    from shared.database.records import StoredDecision


@dataclass(slots=True)
class Simulated:
    """What happened, what would have, and how many records could not be read."""

    happened: Tally = field(default_factory=Tally)
    simulated: Tally = field(default_factory=Tally)
    unreadable: int = 0

    def merge(self, other: Simulated) -> None:
        """Take in another page."""
        self.happened.merge(other.happened)
        self.simulated.merge(other.simulated)
        self.unreadable += other.unreadable


def simulate(
    risk_percent: Annotated[str, typer.Option(help="The percent to try: 1.5 = 1.5 % of the account for each setup.")],
    since: Since = None,
    until: Until = None,
    account: OfAccount = None,
    chart: Annotated[Path | None, typer.Option(help="Draw the comparison into this file, an .svg.")] = None,
) -> None:
    """Decide every stored request again under another percent, and compare with what happened.

    All else is as it was seen then, the margin that other setups held included: what they would have held under
    another percent is not followed up. Reads LOTWISE_DATABASE_URL.
    """
    with clear_failures():
        percent = _percent(risk_percent)
        if chart is not None and chart.suffix.lower() != ".svg":
            raise typer.BadParameter("must end in .svg, which every browser shows", param_hint="--chart")
        result, pace = asyncio.run(_simulate(Meant(since=since, until=until, account=account), percent))
        found = measures(result.happened, result.simulated)
        show(table(found, percent, result.happened.risk_percents))
        if result.unreadable:
            say(f"{result.unreadable} records could not be read and are left out")
        say(f"simulated: {pace}")
        if chart is not None:
            _draw(chart, found, percent)


async def _simulate(meant: Meant, percent: Decimal) -> tuple[Simulated, str]:
    from shared.cli.database import database  # noqa: PLC0415 - SQLAlchemy takes a second to load
    from shared.cli.pages import Pace, work_through  # noqa: PLC0415

    result, pace = Simulated(), Pace()
    async with database("lotwise simulate") as engine:
        work = partial(simulate_page, risk_percent=percent)
        async for page in work_through(engine, await meant.span(engine), work, pace):
            result.merge(page)
    return result, str(pace)


def simulate_page(page: Sequence[StoredDecision], *, risk_percent: Decimal) -> Simulated:
    """A page of decisions as they were, and under another percent."""
    import zlib  # noqa: PLC0415

    from shared.schemas.sizing import SizingDecision  # noqa: PLC0415
    from shared.sizing.record import decode_inputs, unpack_record  # noqa: PLC0415
    from shared.sizing.simulation import simulated  # noqa: PLC0415

    result = Simulated()
    for stored in page:
        try:
            reply = SizingDecision.model_validate_json(stored.reply)
            inputs = decode_inputs(unpack_record(stored.record))
        except (ValidationError, zlib.error):
            result.unreadable += 1
            continue
        result.happened.count(reply)
        result.simulated.count(simulated(inputs, risk_percent))
    return result


def _percent(text: str) -> Decimal:
    try:
        percent = parse_decimal(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--risk-percent") from None
    if not RISK_PERCENT_MIN <= percent <= RISK_PERCENT_MAX:
        message = f"must be between {RISK_PERCENT_MIN} and {RISK_PERCENT_MAX}"
        raise typer.BadParameter(message, param_hint="--risk-percent")
    return percent


def _draw(file: Path, found: list[Measure], percent: Decimal) -> None:
    from shared.cli.chart import chart  # noqa: PLC0415

    try:
        file.write_text(chart(found, percent), encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written: {error.strerror}", param_hint="--chart") from None
    say(f"chart: {file}")
