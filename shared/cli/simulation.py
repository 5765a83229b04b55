"""The work of `lotwise simulate`: page by page, what happened and what would have."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path

import typer

from shared.cli.chart import chart
from shared.cli.comparison import measures, table
from shared.cli.database import database
from shared.cli.pages import Pace, work_through
from shared.cli.spans import Meant
from shared.cli.terminal import say, show
from shared.database.records import StoredDecision
from shared.sizing.simulation import Simulated


async def simulate_span(meant: Meant, percent: Decimal, *, drawing: Path | None) -> None:
    """Simulate the decisions that are meant, and show what came out.

    Raises typer.BadParameter where the drawing cannot be written, DependencyError where the database is away.
    """
    result, pace = Simulated(), Pace()
    async with database("lotwise simulate") as engine:
        work = partial(simulate_page, risk_percent=percent)
        async for page in work_through(engine, await meant.span(engine), work, pace):
            result.merge(page)
    found = measures(result.happened, result.simulated)
    show(table(found, percent, result.happened.risk_percents))
    if result.unreadable:
        say(f"{result.unreadable} records could not be read and are left out")
    say(f"simulated: {pace}")
    if drawing is not None:
        _draw(drawing, chart(found, percent))


def simulate_page(page: Sequence[StoredDecision], *, risk_percent: Decimal) -> Simulated:
    """A page of decisions as they were, and under another percent."""
    result = Simulated()
    for stored in page:
        result.count(stored.record, stored.reply, risk_percent=risk_percent)
    return result


def _draw(file: Path, drawing: str) -> None:
    try:
        file.write_text(drawing, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written: {error.strerror}", param_hint="--chart") from None
    say(f"chart: {file}")
