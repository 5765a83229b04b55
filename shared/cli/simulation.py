"""The work of `lotwise simulate`: page by page, what happened and what would have."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path

import typer
from pydantic import ValidationError

from shared.cli.chart import chart
from shared.cli.comparison import measures, table
from shared.cli.database import database
from shared.cli.pages import Pace, work_through
from shared.cli.spans import Meant
from shared.cli.terminal import say, show
from shared.database.records import StoredDecision
from shared.schemas.sizing import SizingDecision
from shared.sizing.record import decode_inputs, unpack_record
from shared.sizing.simulation import Tally, simulated


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
        try:
            reply = SizingDecision.model_validate_json(stored.reply)
            inputs = decode_inputs(unpack_record(stored.record))
        except (ValidationError, zlib.error):
            result.unreadable += 1
            continue
        result.happened.count(reply)
        result.simulated.count(simulated(inputs, risk_percent))
    return result


def _draw(file: Path, drawing: str) -> None:
    try:
        file.write_text(drawing, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written: {error.strerror}", param_hint="--chart") from None
    say(f"chart: {file}")
