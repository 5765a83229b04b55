"""Signing in to the page, and out of it: by whoever has a token, for as long as the service takes it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.desk import House
from tests.browser.visitor import STREAMS

pytestmark = pytest.mark.browser


def test_a_token_signs_in_and_is_kept_in_this_tab_alone(visit: Visit, house: House) -> None:
    visitor = visit(role="owner")

    expect(visitor.percent).to_have_text(house.percent())
    assert visitor.page.url == f"{house.url}/"
    assert visitor.page.evaluate("localStorage.length + document.cookie.length") == 0
    visitor.page.reload()
    expect(visitor.percent).to_have_text(house.percent())


def test_whoever_signs_in_goes_on_in_the_content(visit: Visit) -> None:
    visitor = visit(role="user")
    visitor.settled()

    expect(visitor.page.locator("#content")).to_be_focused()


def test_what_is_no_token_is_told_before_anything_is_asked(visit: Visit) -> None:
    visitor = visit()

    visitor.sign_in("no token")

    expect(visitor.page.get_by_role("alert")).to_have_text(
        "That is no token. It has three parts with dots between them."
    )


def test_a_token_that_is_sent_twice_signs_in_once(visit: Visit, house: House) -> None:
    visitor = visit()
    streams = visitor.sockets()
    visitor.page.get_by_label("Token").fill(house.token())

    visitor.page.locator("#sign-in-form").evaluate("(form) => { form.requestSubmit(); form.requestSubmit(); }")

    visitor.settled()
    assert len(streams) == STREAMS


def test_signing_out_forgets_the_token_and_all_that_was_shown(visit: Visit) -> None:
    visitor = visit(role="owner")
    visitor.settled()

    visitor.page.get_by_role("button", name="Sign out").click()

    expect(visitor.page.get_by_role("button", name="Sign in")).to_be_visible()
    assert visitor.page.evaluate("sessionStorage.length") == 0
    expect(visitor.percent).to_have_text("–")


def test_a_token_that_ends_signs_out_and_says_why(visit: Visit, house: House) -> None:
    visitor = visit()

    visitor.sign_in(house.token("user", lifetime_s=12))

    expect(visitor.freshness).to_have_text("Live", timeout=10_000)
    expect(visitor.page.get_by_role("alert")).to_have_text(re.compile("Sign in with another"), timeout=30_000)


def test_whose_clock_goes_wrong_is_signed_in_for_as_long_as_the_service_says(visit: Visit, house: House) -> None:
    visitor = visit()
    visitor.page.clock.set_system_time(datetime.now(UTC) + timedelta(hours=2))

    visitor.sign_in(house.token(lifetime_s=3600))

    visitor.settled()
    expect(visitor.page.get_by_role("button", name="Sign out")).to_be_visible()
