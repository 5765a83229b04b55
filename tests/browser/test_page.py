"""The page's own files and text: a part that is missing, markup from outside."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.desk import House

pytestmark = pytest.mark.browser


def test_a_page_of_which_a_part_did_not_come_says_what_to_do(visit: Visit) -> None:
    visitor = visit()
    visitor.excuse("net::ERR_FAILED")
    visitor.page.route("**/page/dial.js", lambda route: route.abort())

    visitor.page.reload()

    expect(visitor.page.get_by_text("If this stays, load the page again.")).to_be_visible()


def test_no_text_of_the_outside_world_becomes_markup(visit: Visit, house: House) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    house.turn("2", evil)
    house.decide(setup_id=evil[:60])
    visitor = visit(role="owner")
    visitor.page.on("dialog", lambda dialog: visitor.complaints.append(f"dialog: {dialog.message}"))
    visitor.settled()

    expect(visitor.page.locator("#percent-why")).to_have_text(evil)
    expect(visitor.page.locator("#decisions")).to_contain_text(evil[:60])
