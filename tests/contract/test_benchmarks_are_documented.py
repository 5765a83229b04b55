"""docs/benchmarks.md has a place for what each suite measures: a run of an hour must not end on a page without one."""

import pytest

from benchmarks.pages import BENCHMARKS, with_block
from benchmarks.suites import SUITES
from dev.tree import ROOT


@pytest.mark.parametrize("suite", SUITES)
def test_each_suite_has_its_block_on_the_page(suite: str) -> None:
    page = (ROOT / "docs" / BENCHMARKS).read_text(encoding="utf-8")

    assert "1,234 a second" in with_block(page, suite, "1,234 a second")
