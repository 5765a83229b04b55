"""What happened beside what would have: the measures of a simulation, and their table."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from rich.table import Table

from shared.schemas.values import format_decimal
from shared.sizing.rounding import round_down
from shared.sizing.simulation import Tally


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of both sides, in `unit`, told with `places` behind the point."""

    name: str
    unit: str
    happened: Fraction
    simulated: Fraction
    places: int = 0

    def text(self, amount: Fraction) -> str:
        """An amount of this measure, digits grouped."""
        return f"{round_down(amount, self.places):,f}"

    @property
    def change(self) -> str:
        """By how much the simulated one is more or less."""
        difference = self.simulated - self.happened
        if not difference:
            return "="
        sign = "+" if difference > 0 else "−"
        percent = f" ({sign}{float(abs(difference) / self.happened) * 100:.1f} %)" if self.happened else ""
        return f"{sign}{self.text(abs(difference))}{percent}"


def measures(happened: Tally, simulated: Tally) -> list[Measure]:
    """Every measure, those that count decisions first."""
    codes = sorted(happened.refused.keys() | simulated.refused.keys())
    uses = (_use(happened), _use(simulated))
    return [
        Measure("decisions", "", Fraction(happened.decisions), Fraction(simulated.decisions)),
        Measure("approved", "", Fraction(happened.approved), Fraction(simulated.approved)),
        *(Measure(code, "", Fraction(happened.refused[code]), Fraction(simulated.refused[code])) for code in codes),
        Measure("lots", "lots", happened.lots, simulated.lots, places=2),
        *_by_currency("money at risk", happened.at_risk, simulated.at_risk),
        *_by_currency("margin", happened.margin, simulated.margin),
        Measure("margin use", "% of what was available, mean of approvals", *uses, places=2),
    ]


def table(found: list[Measure], percent: Decimal, then: set[Decimal]) -> Table:
    """The measures side by side; `then` are the percents that were in force."""
    made = Table(box=None, pad_edge=False)
    made.add_column("")
    percents = " to ".join(f"{format_decimal(one)} %" for one in sorted({min(then), max(then)})) if then else ""
    for title in (f"as it happened {percents}".rstrip(), f"at {format_decimal(percent)} %", "change"):
        made.add_column(title, justify="right")
    made.add_column("")
    for measure in found:
        values = (measure.text(measure.happened), measure.text(measure.simulated), measure.change)
        made.add_row(measure.name, *values, measure.unit)
    return made


def _by_currency(name: str, happened: dict[str, Fraction], simulated: dict[str, Fraction]) -> list[Measure]:
    nothing = Fraction(0)
    return [
        Measure(name, currency, happened.get(currency, nothing), simulated.get(currency, nothing), places=2)
        for currency in sorted(happened.keys() | simulated.keys())
    ]


def _use(tally: Tally) -> Fraction:
    """The mean share of the available margin that an approval took, in percent."""
    return tally.margin_use * 100 / tally.approved if tally.approved else Fraction(0)
