"""The blocks of the pages that figures are written into."""

from pathlib import Path

import pytest

from benchmarks.pages import BlockMissingError, new_page, with_block, write_section
from benchmarks.report import Section, Table, Target


def test_a_suite_measured_alone_changes_its_own_block_only() -> None:
    page = with_block(new_page(["sizing", "dial"]), "sizing", "1,234 a second")

    assert with_block(page, "dial", "5 ms").replace("5 ms", "Not measured yet.") == page
    assert "1,234 a second" in page


def test_what_was_measured_again_replaces_what_was_there() -> None:
    page = with_block(new_page(["dial"]), "dial", "5 ms")

    assert with_block(page, "dial", "6 ms") == page.replace("5 ms", "6 ms")


def test_a_page_without_the_block_is_refused() -> None:
    with pytest.raises(BlockMissingError, match="dial"):
        with_block(new_page(["sizing"]), "dial", "5 ms")


def test_a_section_lands_with_its_charts_and_with_what_other_pages_show(tmp_path: Path) -> None:
    (tmp_path / "scaling.md").write_text("before <!-- measured: dial -->\n<!-- /measured: dial --> after")
    table = Table(("call", "p50"), (("GET", "1 ms"),))
    section = Section(
        "The dial", "One caller.", (table,), charts={"dial.svg": "<svg/>"}, elsewhere={"scaling.md": table}
    )

    write_section(tmp_path, "dial", section, measured="Measured here.", suites=["dial"])

    assert "## The dial" in (tmp_path / "benchmarks.md").read_text()
    assert (tmp_path / "benchmarks" / "dial.svg").read_text() == "<svg/>"
    assert "| GET | 1 ms |\n\nMeasured here." in (tmp_path / "scaling.md").read_text()


@pytest.mark.parametrize(
    ("target", "met"),
    [
        (Target("ratio", 1.2, "≥", 1.2), True),
        (Target("ratio", 1.19, "≥", 1.2), False),
        (Target("ratio", 2.5, "≤", 2.5), True),
        (Target("p99", 100.0, "<", 100, "ms"), False),
    ],
)
def test_a_target_is_met_up_to_its_bound(target: Target, *, met: bool) -> None:
    assert target.met is met
