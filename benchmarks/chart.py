"""Charts for the page: lines over a few named points, and bars. SVG, written by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 860, 380
LEFT, RIGHT, TOP, BOTTOM = 84, 24, 78, 46
BAR_LEFT, BAR_HEIGHT, BAR_GAP = 250, 16, 10
COLOURS = ("#2563eb", "#8a94a6", "#d97706", "#059669")
GRID, INK = "#e5e7eb", "#1f2937"
TICKS = 5

_FRAME = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"
 font-family="system-ui, sans-serif" font-size="12" fill="{ink}" role="img">
<title>{title}</title>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="16" y="26" font-size="16" font-weight="600">{title}</text>
{content}
</svg>
"""


def lines(
    title: str, *, x: str, points: Sequence[str], unit: str, series: Mapping[str, Sequence[float]], log: bool = False
) -> str:
    """A chart with a line for each of `series` over equally spaced `points`; on a scale of powers of ten if `log`."""
    values = [value for each in series.values() for value in each]
    ticks = _powers(values) if log else _steps(max(values))
    content = [_grid(ticks, unit, log=log), _points(points, x)]
    for number, (name, each) in enumerate(series.items()):
        content.append(_line(each, ticks, COLOURS[number], log=log))
        content.append(_key(name, number, COLOURS[number]))
    return _frame(title, HEIGHT, content)


def bars(title: str, *, unit: str, rows: Sequence[tuple[str, float]]) -> str:
    """A chart with a bar for each row, in their order, on one scale that begins at nothing."""
    most = max((value for _, value in rows), default=0) or 1
    space = WIDTH - BAR_LEFT - 110
    content = []
    for number, (name, value) in enumerate(rows):
        y = 48 + number * (BAR_HEIGHT + BAR_GAP)
        width = value / most * space
        content.append(
            f'<text x="{BAR_LEFT - 10}" y="{y + 12}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{BAR_LEFT}" y="{y}" width="{width:.1f}" height="{BAR_HEIGHT}" fill="{COLOURS[0]}"/>'
            f'<text x="{BAR_LEFT + width + 6:.1f}" y="{y + 12}">{_number(value)} {escape(unit)}</text>'
        )
    return _frame(title, 56 + len(rows) * (BAR_HEIGHT + BAR_GAP), content)


def _frame(title: str, height: int, content: Sequence[str]) -> str:
    return _FRAME.format(width=WIDTH, height=height, title=escape(title), ink=INK, content="\n".join(content))


def _steps(most: float) -> list[float]:
    """Round ticks from 0 to at least `most`."""
    rough = (most or 1) / TICKS
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [step * number for number in range(math.ceil((most or 1) / step) + 1)]


def _powers(values: Sequence[float]) -> list[float]:
    """Powers of ten around all of `values`, which are positive."""
    lowest, highest = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return [10.0**exponent for exponent in range(lowest, max(highest, lowest + 1) + 1)]


def _y(value: float, ticks: Sequence[float], *, log: bool) -> float:
    lowest, highest = ticks[0], ticks[-1]
    share = math.log(value / lowest) / math.log(highest / lowest) if log else (value - lowest) / (highest - lowest)
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _x(number: int, count: int) -> float:
    return LEFT + (number + 0.5) * (WIDTH - LEFT - RIGHT) / count


def _grid(ticks: Sequence[float], unit: str, *, log: bool) -> str:
    rows = [f'<text x="16" y="{TOP - 12}">{escape(unit)}</text>']
    for tick in ticks:
        y = _y(tick, ticks, log=log)
        rows.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
        rows.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_number(tick)}</text>')
    return "\n".join(rows)


def _points(points: Sequence[str], x: str) -> str:
    y = HEIGHT - BOTTOM + 18
    labels = [
        f'<text x="{_x(number, len(points)):.1f}" y="{y}" text-anchor="middle">{escape(point)}</text>'
        for number, point in enumerate(points)
    ]
    middle = (LEFT + WIDTH - RIGHT) / 2
    return "\n".join([*labels, f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x)}</text>'])


def _line(values: Sequence[float], ticks: Sequence[float], colour: str, *, log: bool) -> str:
    places = [(_x(number, len(values)), _y(value, ticks, log=log)) for number, value in enumerate(values)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'


def _key(name: str, number: int, colour: str) -> str:
    x = 16 + number * 210
    return (
        f'<rect x="{x}" y="38" width="12" height="12" fill="{colour}"/><text x="{x + 18}" y="48">{escape(name)}</text>'
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.3g}"
