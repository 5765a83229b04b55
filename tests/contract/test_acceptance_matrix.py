"""docs/acceptance.md names tests that there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "acceptance.md").read_text(encoding="utf-8")
ASKED_FOR_FIRST = 30
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


def names_in(file: Path) -> set[str]:
    """The names of a file's tests, however deep they stand in it."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_every_test_that_the_page_names_exists(file: str) -> None:
    named = {name for there, name in NAMED if there == file}

    assert named <= names_in(ROOT / file)


def test_every_line_of_the_page_names_what_proves_it() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| what ", "| ---"))]

    assert rows
    assert [row for row in rows if "::test_" not in row] == []


def test_the_behaviours_that_were_asked_for_first_are_all_there() -> None:
    files = [f"tests/acceptance/test_{part}.py" for part in ("sync", "sizing", "config")]
    there = {name for file in files for name in names_in(ROOT / file) if name.startswith("test_")}

    assert there == {name for file, name in NAMED if file in files}
    assert len(there) == ASKED_FOR_FIRST
