"""Decisions on the page: told as they are made, filtered, opened to their arithmetic."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from playwright.sync_api import expect

from tests import builders
from tests.browser.conftest import Visit
from tests.browser.desk import House
from tests.browser.visitor import ASKED_FOR_DECISIONS, ZONE

pytestmark = pytest.mark.browser


def test_a_decision_appears_as_it_is_made_and_opens_to_its_arithmetic(visit: Visit, house: House) -> None:
    visitor = visit(role="owner")
    visitor.settled()
    page = visitor.page

    request_id = house.decide(setup_id="just-now")
    row = page.locator(f'tr[data-request="{request_id}"]')
    row.get_by_role("button").click()

    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("balance × risk percent / 100")
    expect(drawer).to_contain_text(str(request_id))
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(row.get_by_role("button")).to_be_focused()


def test_the_focus_stays_in_an_explanation_while_it_comes(visit: Visit) -> None:
    visitor = visit(role="owner")
    visitor.settled()

    visitor.page.locator("#decisions tbody button").first.click()

    expect(visitor.page.locator(".explained").first).to_be_visible()
    expect(visitor.page.get_by_role("button", name="Close")).to_be_focused()


def test_a_decision_is_explained_by_its_id_with_the_keyboard_alone(visit: Visit, house: House) -> None:
    request_id = house.decide(setup_id="long-ago")
    visitor = visit(role="owner")
    visitor.settled()
    page = visitor.page
    field = page.get_by_label("Explain by id")

    field.focus()
    page.keyboard.insert_text(f" {request_id} ")
    page.keyboard.press("Enter")

    expect(page.get_by_role("dialog")).to_contain_text(str(request_id))
    expect(page.locator(".explained").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(field).to_be_focused()


def test_an_id_that_names_no_decision_is_said_to_name_none(visit: Visit) -> None:
    visitor = visit(role="owner")
    visitor.settled()
    visitor.excuse("404 (Not Found)")

    visitor.page.get_by_label("Explain by id").fill("00000000-0000-4000-8000-000000000000")
    visitor.page.get_by_role("button", name="Explain", exact=True).click()

    expect(visitor.page.get_by_role("dialog").get_by_role("alert")).to_have_text(
        "It cannot be shown: no decision of yours has this request_id."
    )


def test_what_is_no_id_is_complained_of_where_it_stands(visit: Visit) -> None:
    visitor = visit(role="owner")
    visitor.settled()
    asked = visitor.requests("explanation$")
    field = visitor.page.get_by_label("Explain by id")

    field.fill("setup-001")
    field.press("Enter")

    expect(field).to_have_accessible_description("That is no request id, such as 8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10.")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    assert asked == []


def test_over_midnight_what_was_decided_before_gets_its_day(visit: Visit, house: House) -> None:
    house.decide()
    visitor = visit()
    visitor.page.clock.install(time=datetime.now(ZONE).replace(hour=23, minute=59))
    visitor.sign_in(house.token(lifetime_s=86_400))
    visitor.settled()
    decided = visitor.page.locator("#decisions tbody time").first
    expect(decided).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))

    visitor.page.clock.fast_forward("02:00")

    expect(decided).to_have_text(re.compile(r"^\d{1,2} \w+, \d\d:\d\d$"))


def test_a_decision_is_told_by_the_stream_before_anybody_asks_and_is_there_once(visit: Visit, house: House) -> None:
    visitor = visit(role="owner")
    visitor.settled()
    asked = visitor.requests(ASKED_FOR_DECISIONS)

    request_id = house.decide(setup_id="told")
    expect(visitor.page.locator(f'tr[data-request="{request_id}"]')).to_be_visible()
    assert asked == []

    with visitor.page.expect_response(re.compile(ASKED_FOR_DECISIONS)) as answered:
        visitor.come_back()
    visitor.has_read(answered.value)
    assert visitor.told_of() == [one["request_id"] for one in answered.value.json()["items"]]


def test_while_decisions_are_told_of_they_are_asked_for_seldom(visit: Visit) -> None:
    visitor = visit(role="owner")
    visitor.settled()

    with (
        pytest.raises(PlaywrightTimeoutError),
        visitor.page.expect_request(re.compile(ASKED_FOR_DECISIONS), timeout=5000),
    ):
        pass


def test_of_what_the_stream_tells_only_what_was_chosen_is_shown(visit: Visit, house: House) -> None:
    visitor = visit(role="owner")
    visitor.settled()
    visitor.page.get_by_role("button", name="Errors").click()
    expect(visitor.page.locator("#decisions tbody .state").first).to_have_text("Error")
    asked = visitor.requests(ASKED_FOR_DECISIONS)

    other = house.decide(setup_id="not-chosen")
    chosen = house.decide(setup_id="chosen", entries=[builders.entry("1950.00", "1955.00")])

    expect(visitor.page.locator("#decisions tbody tr").first).to_have_attribute("data-request", str(chosen))
    expect(visitor.page.locator("#decisions tbody .state:not(.error)")).to_have_count(0)
    assert str(other) not in visitor.told_of()
    assert asked == []


def test_decisions_are_filtered_by_how_they_ended(visit: Visit) -> None:
    visitor = visit(role="owner")
    visitor.settled()

    visitor.page.get_by_role("button", name="Errors").click()

    expect(visitor.page.locator("#decisions tbody .state").first).to_have_text("Error")
    expect(visitor.page.locator("#decisions tbody .state:not(.error)")).to_have_count(0)
