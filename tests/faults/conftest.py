"""Faults: `make faults` runs them all; `make test` those marked `short`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.book import Page
from tests.faults.counts import Counts
from tests.faults.disk import MountError, SmallDisk, small_disk
from tests.faults.system import Nodes, System, bare_nodes, nodes, system_on

TIMEOUT_S = 300
DISK_MIB = 128


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not of the short form, unless all was asked for; a fault takes longer than other tests.

    How long the services take to come back is judged, so nothing else runs meanwhile.
    """
    here = Path(__file__).parent
    faults = [item for item in items if here in item.path.parents]
    for item in faults:
        item.add_marker(pytest.mark.alone)
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))
    left_out = [item for item in faults if not _is_asked_for(item, config)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _is_asked_for(item: pytest.Item, config: pytest.Config) -> bool:
    if item.get_closest_marker("soak"):
        return config.getoption("--soak-s") is not None
    return bool(config.getoption("--faults") or item.get_closest_marker("short"))


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """A broker and a database of the test's own; `launch_all` starts the services."""
    with nodes(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def shared_nodes() -> Iterator[Nodes]:
    """A broker and a database for all the faults that leave them as they found them."""
    with bare_nodes() as made:
        yield made


@pytest.fixture
def guest(shared_nodes: Nodes, tmp_path: Path) -> Iterator[System]:
    """A system as `system`, on nodes that other faults use before and after: leave them as they were."""
    with system_on(shared_nodes, tmp_path) as made:
        yield made


@pytest.fixture
async def tablespace(shared_nodes: Nodes, page: Page) -> AsyncIterator[SmallDisk]:
    """A small disk of the database's, for the guest to live on: ask for it before the guest, it must go after."""
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(small_disk(shared_nodes.database, mib=DISK_MIB))
        except MountError as error:
            page.write(Counts.none(), note=f"not run: {error}")
            pytest.skip(f"no disk to fill: {error}")
        yield disk
        await disk.drop()


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
