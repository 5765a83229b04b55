"""The dial's history on the page."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.desk import HISTORY, House
from tests.browser.visitor import ASKED_FOR_HISTORY

pytestmark = pytest.mark.browser


def test_a_history_that_does_not_come_is_told_in_its_place_and_asked_for_again_soon(visit: Visit, house: House) -> None:
    visitor = visit()
    visitor.excuse("net::ERR_FAILED")
    page = visitor.page
    page.route(ASKED_FOR_HISTORY, lambda route: route.abort())

    visitor.sign_in(house.token())

    expect(visitor.percent).to_have_text(house.percent())
    expect(page.locator("#history-chart")).to_have_text(
        "Not to be had now: the service cannot be reached. Trying again."
    )
    expect(page.get_by_text("Every version as a table")).to_be_hidden()
    page.unroute(ASKED_FOR_HISTORY)
    expect(page.locator("#history-chart svg")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("Every version as a table")).to_be_visible()


def test_where_there_are_older_versions_than_those_shown_it_says_so(visit: Visit, house: House) -> None:
    visitor = visit()
    cut = {**house.read(HISTORY), "next_before_version": 7}
    visitor.page.route(ASKED_FOR_HISTORY, lambda route: route.fulfill(json=cut))

    visitor.sign_in(house.token())

    expect(visitor.page.get_by_role("button", name="Newest 200")).to_be_visible()
    expect(visitor.page.get_by_text("The newest 200 versions as a table")).to_be_visible()


def test_a_version_that_only_the_workers_know_of_is_asked_for_at_once(visit: Visit, house: House) -> None:
    visitor = visit()
    visitor.page.route_web_socket("**/stream", lambda _socket: None)  # opened, and silent from then on
    visitor.sign_in(house.token())
    expect(visitor.percent).to_have_text(house.percent())

    house.turn("3.5", "Nobody told")

    expect(visitor.percent).to_have_text("3.5", timeout=15_000)
