"""Parts of the page and of what the terminal shows: sections of tables, charts and targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from rich.table import Table as TerminalTable

TERMINAL_CHARACTERS = 140
CHARTS = "benchmarks"
"""The folder beside the page that holds its charts."""


@dataclass(frozen=True, slots=True)
class Table:
    """Headings and rows."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """The table as Markdown."""
        lines = [self.headings, tuple("---" for _ in self.headings), *self.rows]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)

    def terminal(self, title: str) -> TerminalTable:
        """The table for the terminal."""
        table = TerminalTable(*self.headings, title=title, width=TERMINAL_CHARACTERS)
        for row in self.rows:
            table.add_row(*row)
        return table


@dataclass(frozen=True, slots=True)
class Target:
    """A figure and its bound: `value` should be at least, or at most, `bound`. Multiples, unless `unit` says what."""

    what: str
    value: float
    kind: Literal["≥", "≤", "<"]
    bound: float
    unit: str = "×"

    @property
    def met(self) -> bool:
        """Whether it is."""
        if self.kind == "≥":
            return self.value >= self.bound
        return self.value < self.bound if self.kind == "<" else self.value <= self.bound

    def row(self) -> tuple[str, ...]:
        """What, how much, the bound, the verdict."""
        verdict = "met" if self.met else "**missed**"
        return self.what, f"{self.value:.3g} {self.unit}", f"{self.kind} {self.bound:g} {self.unit}", verdict


TARGET_HEADINGS = ("", "measured", "target", "")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: a heading, what was done, its tables, charts by file name, and the targets it speaks to.

    `elsewhere`: what other pages show of it, by their file name.
    """

    title: str
    text: str
    tables: tuple[Table, ...]
    targets: tuple[Target, ...] = ()
    charts: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Mapping[str, Table] = field(default_factory=dict)

    def markdown(self) -> str:
        """The section as Markdown."""
        parts = [f"## {self.title}", self.text]
        if self.targets:
            parts.append(Table(TARGET_HEADINGS, tuple(target.row() for target in self.targets)).markdown())
        parts += [f"![{_alternative(name)}]({CHARTS}/{name})" for name in self.charts]
        parts += [table.markdown() for table in self.tables]
        return "\n\n".join(parts)

    def terminal_tables(self) -> Iterator[TerminalTable]:
        """Its tables for the terminal, the targets last."""
        for table in self.tables:
            yield table.terminal(self.title)
        if self.targets:
            yield Table(TARGET_HEADINGS, tuple(target.row() for target in self.targets)).terminal("")


def _alternative(name: str) -> str:
    return name.removesuffix(".svg").replace("-", " ")
