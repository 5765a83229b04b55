"""A real Chromium on the real page of a real config_service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from dev.browser import executable
from dev.stack.workspace import Workspace
from tests.browser.desk import House
from tests.browser.visitor import Visitor
from tests.e2e.conftest import launcher

Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def house(session_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Services with something to show."""
    with (
        session_workspace.new_virtual_host() as virtual_host,
        session_workspace.new_database() as database_url,
        launcher(session_workspace, virtual_host, database_url, tmp_path_factory.mktemp("logs")) as launch,
    ):
        processes = [launch("config_service"), launch("sizing_worker")]
        for process in processes:
            process.wait_ready()
        made = House(processes[0], database_url, virtual_host.role_urls["signal-engine"])
        made.furnish()
        yield made


@pytest.fixture(scope="module")
def browser(house: House) -> Iterator[Browser]:
    """Debian's Chromium, without a window. Gone before another module's tests have loops of their own."""
    del house  # made first: its own loop must not meet the browser's
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, house: House, tmp_path: Path) -> Iterator[Visit]:
    """Open the page: `visit()` at the sign-in, `visit(role="owner")` signed in, `dark=`, `phone=`.

    When the test is over, each visitor's browser has written no error and asked no other host.
    """
    visitors: list[Visitor] = []

    def open_page(**given: object) -> Visitor:
        visitors.append(visitor := Visitor(browser, house, **given))  # type: ignore[arg-type]
        return visitor

    yield open_page
    for number, visitor in enumerate(visitors):
        visitor.page.screenshot(path=tmp_path / f"{number}.png", full_page=True)
        visitor.leave()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []
