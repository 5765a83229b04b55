"""A simulation as a picture: for each measure two bars, what happened and what would have. SVG, written by hand.

Each measure has its own scale, because lots, money and counts share none.
"""

from __future__ import annotations

from decimal import Decimal
from html import escape

from shared.cli.comparison import Measure
from shared.schemas.values import format_decimal

WIDTH = 860
LABEL_WIDTH = 260
BAR_WIDTH_MAX = 430
BAR_HEIGHT = 12
ROW_HEIGHT = 44
TOP = 64
HAPPENED, SIMULATED = "#8a94a6", "#2563eb"

_FRAME = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"
 font-family="system-ui, sans-serif" font-size="12" fill="#1f2937" role="img">
<title>{title}</title>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="16" y="26" font-size="16" font-weight="600">{title}</text>
<rect x="16" y="40" width="12" height="12" fill="{happened}"/><text x="34" y="50">as it happened</text>
<rect x="150" y="40" width="12" height="12" fill="{simulated}"/><text x="168" y="50">at {percent} %</text>
{rows}
</svg>
"""
_ROW = """<text x="16" y="{middle}">{name}</text>
<rect x="{left}" y="{first}" width="{happened_width}" height="{bar}" fill="{happened}"/>
<text x="{happened_end}" y="{first_text}">{happened_text}</text>
<rect x="{left}" y="{second}" width="{simulated_width}" height="{bar}" fill="{simulated}"/>
<text x="{simulated_end}" y="{second_text}">{simulated_text}</text>"""


def chart(found: list[Measure], percent: Decimal) -> str:
    """The whole SVG document."""
    rows = [_row(measure, TOP + number * ROW_HEIGHT) for number, measure in enumerate(found)]
    return _FRAME.format(
        width=WIDTH,
        height=TOP + len(found) * ROW_HEIGHT + 16,
        title=f"The same requests at {format_decimal(percent)} %",
        percent=format_decimal(percent),
        happened=HAPPENED,
        simulated=SIMULATED,
        rows="\n".join(rows),
    )


def _row(measure: Measure, top: int) -> str:
    most = max(measure.happened, measure.simulated)
    widths = [
        round(float(amount / most) * BAR_WIDTH_MAX, 1) if most else 0.0
        for amount in (measure.happened, measure.simulated)
    ]
    first, second = top + 8, top + 8 + BAR_HEIGHT + 3
    return _ROW.format(
        name=escape(_name(measure)),
        middle=top + 26,
        left=LABEL_WIDTH,
        bar=BAR_HEIGHT,
        first=first,
        second=second,
        first_text=first + 10,
        second_text=second + 10,
        happened=HAPPENED,
        simulated=SIMULATED,
        happened_width=widths[0],
        simulated_width=widths[1],
        happened_end=LABEL_WIDTH + widths[0] + 6,
        simulated_end=LABEL_WIDTH + widths[1] + 6,
        happened_text=measure.text(measure.happened),
        simulated_text=measure.text(measure.simulated),
    )


def _name(measure: Measure) -> str:
    unit = measure.unit.partition(" ")[0]
    return f"{measure.name}, {unit}" if unit and unit != measure.name else measure.name.replace("_", " ")
