"""What an explanation is made of: named figures with their units and formulas, in sections."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.schemas.values import format_decimal, format_time
from shared.sizing.formulas import Formula, Number, exact_text, shown
from shared.sizing.rational import exact

NAME_WIDTH_MAX = 26
"""Characters of the column of names; a longer name, such as a reservation's, pushes its line aside."""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure or fact. `name` is stable, for programs; `value` is exact where it is a number.

    `told` is what the reply says of it, rounded against the account; `note` is a remark for people.
    """

    name: str
    value: Number | str
    unit: str = ""
    formula: Formula | None = None
    told: Decimal | None = None
    note: str = ""

    def text(self) -> str:
        """For people, without the name: value, unit, how it came about, what the reply says."""
        parts = [f"{shown(self.value)} {self.unit}".rstrip()]
        if self.formula is not None:
            parts.append(f"= {self.formula.names} = {self.formula.numbers}")
        if self.told is not None and not isinstance(self.value, str) and exact(self.told) != exact(self.value):
            parts.append(f"(in the reply: {format_decimal(self.told)})")
        if self.note:
            parts.append(f"({self.note})")
        return "  ".join(parts)

    def document(self) -> dict[str, str]:
        """For programs: numbers as exact strings, decimals or `numerator/denominator`."""
        value = self.value if isinstance(self.value, str) else exact_text(self.value)
        document = {"value": value, "unit": self.unit}
        if self.formula is not None:
            document |= {"formula": self.formula.names, "numbers": self.formula.numbers}
        if self.told is not None:
            document["in_reply"] = format_decimal(self.told)
        return document | ({"note": self.note} if self.note else {})


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together. `name` is stable: entry_1, margin, …"""

    name: str
    title: str
    lines: tuple[Line, ...]

    @classmethod
    def of(cls, name: str, title: str, lines: Iterable[Line | None]) -> Section:
        """Without the lines that do not apply."""
        return cls(name, title, tuple(line for line in lines if line is not None))


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision, section by section; those that it did not reach are not there."""

    sections: tuple[Section, ...]

    def lines(self) -> list[str]:
        """For people."""
        names = [len(line.name) for section in self.sections for line in section.lines]
        width = max((length for length in names if length <= NAME_WIDTH_MAX), default=0)
        text: list[str] = []
        for section in self.sections:
            text += ["", section.title]
            text += [f"  {line.name.replace('_', ' '):<{width}}  {line.text()}" for line in section.lines]
        return text[1:]

    def document(self) -> dict[str, Any]:
        """For programs: by section and figure, in the order of the arithmetic."""
        return {section.name: {line.name: line.document() for line in section.lines} for section in self.sections}


def moment(name: str, time: datetime | None) -> Line | None:
    """A time in UTC."""
    return None if time is None else Line(name, format_time(time))
