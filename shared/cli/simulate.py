"""`lotwise simulate`: what the same requests would have got under another percent."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from shared.cli.spans import Meant, OfAccount, Since, Until
from shared.cli.terminal import clear_failures
from shared.schemas.values import parse_decimal
from shared.sizing.configuration import RISK_PERCENT_MAX, RISK_PERCENT_MIN


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
    # What decides and draws takes a second to load, which no other command should wait for.
    from shared.cli.simulation import simulate_span  # noqa: PLC0415

    with clear_failures():
        percent = _percent(risk_percent)
        if chart is not None and chart.suffix.lower() != ".svg":
            raise typer.BadParameter("must end in .svg, which every browser shows", param_hint="--chart")
        meant = Meant(since=since, until=until, account=account)
        asyncio.run(simulate_span(meant, percent, drawing=chart))


def _percent(text: str) -> Decimal:
    try:
        percent = parse_decimal(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--risk-percent") from None
    if not RISK_PERCENT_MIN <= percent <= RISK_PERCENT_MAX:
        message = f"must be between {RISK_PERCENT_MIN} and {RISK_PERCENT_MAX}"
        raise typer.BadParameter(message, param_hint="--risk-percent")
    return percent
