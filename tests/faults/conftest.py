"""Faults: `make faults` runs them all; `make test` those marked `short`."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.faults.book import Page
from tests.faults.system import System, nodes


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--faults`: all of them; `--seed N`: what chance decided before."""
    parser.addoption("--faults", action="store_true", help="run the whole fault table, not its short form")
    parser.addoption("--seed", type=int, default=None, help="repeat a run of the faults that chance chooses")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not of the short form, unless all was asked for."""
    if config.getoption("--faults"):
        return
    here = Path(__file__).parent
    left_out = [item for item in items if here in item.path.parents and not item.get_closest_marker("short")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """A broker and a database of the test's own; `launch_all` starts the services."""
    with nodes(tmp_path) as made:
        yield made


@pytest.fixture
def page(request: pytest.FixtureRequest) -> Iterator[Page]:
    """The test's page in the book of faults, which it must write."""
    marker = request.node.get_closest_marker("fault")
    written = Page(*marker.args)
    yield written
    if request.node.stash.get(PASSED, default=False):
        assert written.entries, "the test wrote nothing into the book of faults"


PASSED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let `page` know whether its test passed."""
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report
