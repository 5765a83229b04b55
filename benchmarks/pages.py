"""The pages that figures are written into. Each suite has a block of its own, so that one can be measured alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import CHARTS, Section

BENCHMARKS = "benchmarks.md"

_BEGIN, _END = "<!-- measured: {name} -->", "<!-- /measured: {name} -->"
_PAGE = """# Benchmarks

Written by `make bench` and `make bench-memory`: each brings up servers of its own, runs ours and the peers by turns,
and stops everything again. Client, services, broker and database share the machine. The database runs without fsync,
which spares most whoever commits once a message. How it grows past one machine: [scaling.md](scaling.md).

{blocks}
"""


class BlockMissingError(Exception):
    """A page has no place for a suite's figures."""


def new_page(suites: Sequence[str]) -> str:
    """The page of benchmarks before anything was measured."""
    return _PAGE.format(blocks="\n\n".join(_block(name, "Not measured yet.") for name in suites))


def with_block(page: str, name: str, content: str) -> str:
    """The page with this suite's block holding `content`. Raises BlockMissingError."""
    begin, end = _BEGIN.format(name=name), _END.format(name=name)
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise BlockMissingError(f"the page has no block {begin} … {end}")
    return f"{before}{_block(name, content)}{after}"


def write_section(folder: Path, name: str, section: Section, *, measured: str, suites: Sequence[str]) -> None:
    """Write a suite's section, its charts, and what other pages show of it. `measured`: when and where."""
    page = folder / BENCHMARKS
    text = page.read_text(encoding="utf-8") if page.exists() else new_page(suites)
    page.write_text(with_block(text, name, f"{section.markdown()}\n\n{measured}"), encoding="utf-8")
    (folder / CHARTS).mkdir(exist_ok=True)
    for chart, svg in section.charts.items():
        (folder / CHARTS / chart).write_text(svg, encoding="utf-8")
    for other, table in section.elsewhere.items():
        file = folder / other
        shown = f"{table.markdown()}\n\n{measured}"
        file.write_text(with_block(file.read_text(encoding="utf-8"), name, shown), encoding="utf-8")


def _block(name: str, content: str) -> str:
    return f"{_BEGIN.format(name=name)}\n{content}\n{_END.format(name=name)}"
