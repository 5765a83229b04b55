"""Everybody can use the page: axe finds nothing, in light and dark, on a desk and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser

LOOKS = pytest.mark.parametrize(
    "look",
    [{}, {"dark": True}, {"phone": True}, {"phone": True, "dark": True}],
    ids=lambda look: "-".join(look) or "light",
)


def assert_accessible(visitor: Visitor) -> None:
    assert visitor.violations() == []
    assert visitor.overflow() == 0


@LOOKS
def test_the_sign_in_is_accessible(visit: Visit, look: dict[str, bool]) -> None:
    visitor = visit(**look)
    visitor.sign_in("no token")

    assert_accessible(visitor)


@LOOKS
def test_the_page_with_everything_on_it_is_accessible(visit: Visit, look: dict[str, bool]) -> None:
    visitor = visit(role="owner", **look)
    visitor.settled()
    visitor.page.get_by_text("Every version as a table").click()

    assert_accessible(visitor)


@LOOKS
def test_the_confirmation_of_a_change_is_accessible(visit: Visit, look: dict[str, bool]) -> None:
    visitor = visit(role="owner", **look)
    visitor.settled()
    visitor.page.get_by_role("button", name="Change…", exact=True).click()
    assert_accessible(visitor)

    visitor.page.get_by_label("New risk").fill("1.5")
    visitor.page.get_by_role("button", name="Review").click()
    expect(visitor.page.locator(".comparison")).to_be_visible()

    assert_accessible(visitor)


@LOOKS
def test_an_explanation_is_accessible(visit: Visit, look: dict[str, bool]) -> None:
    visitor = visit(role="owner", **look)
    visitor.settled()

    visitor.page.locator("#decisions tbody button").first.click()
    expect(visitor.page.locator(".explained").first).to_be_visible()

    assert_accessible(visitor)
