"""Changes planned on the page, and cancelled."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.desk import SCHEDULES, House
from tests.browser.visitor import ASKED_FOR_PLANS

pytestmark = pytest.mark.browser


def test_a_change_is_planned_and_taken_back(visit: Visit) -> None:
    visitor = visit(role="owner")
    visitor.settled()
    page = visitor.page

    page.get_by_role("button", name="Plan a change…").click()
    page.get_by_label("New risk").fill("0.5")
    page.get_by_label("From when on").fill((datetime.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M"))  # noqa: DTZ005
    page.get_by_label("Reason").fill("Over the weekend")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Plan 0.5 %").click()

    plans = page.locator("#plans li")
    expect(plans).to_contain_text("Over the weekend")
    expect(page.locator("#history-chart .planned")).to_have_count(1)
    page.get_by_role("button", name="Cancel the change to 0.5 %").click()
    page.get_by_role("button", name="Really cancel the change to 0.5 %?").click()
    expect(plans).to_have_count(0)


def test_between_the_two_presses_that_cancel_a_plan_an_answer_takes_nothing_back(visit: Visit, house: House) -> None:
    house.plan("0.75")
    visitor = visit(role="owner")
    visitor.settled()
    page = visitor.page
    sure = page.get_by_role("button", name="Really cancel the change to 0.75 %?")
    page.get_by_role("button", name="Cancel the change to 0.75 %").press("Enter")
    expect(sure).to_be_focused()

    with page.expect_response(ASKED_FOR_PLANS) as answered:
        visitor.come_back()
    visitor.has_read(answered.value)

    expect(sure).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#plans li")).to_have_count(0)
    expect(page.get_by_role("button", name="Plan a change…")).to_be_focused()
    assert house.read(f"{SCHEDULES}?state=planned")["items"] == []


def test_a_plan_that_could_not_be_cancelled_stays_and_the_card_says_why(visit: Visit, house: House) -> None:
    house.plan("0.25")
    visitor = visit(role="owner")
    visitor.settled()
    visitor.excuse("net::ERR_FAILED")
    page = visitor.page
    page.route(f"**{SCHEDULES}/*", lambda route: route.abort())

    page.get_by_role("button", name="Cancel the change to 0.25 %").click()
    page.get_by_role("button", name="Really cancel the change to 0.25 %?").click()

    expect(page.locator("#plans-card").get_by_role("alert")).to_have_text(
        "Whether the change to 0.25 % is cancelled is not known: no answer came. While it stands here, it is planned."
    )
    page.unroute(f"**{SCHEDULES}/*")
    page.get_by_role("button", name="Cancel the change to 0.25 %").click()
    page.get_by_role("button", name="Really cancel the change to 0.25 %?").click()
    expect(page.locator("#plans-card")).to_be_hidden()


def test_a_plan_that_was_cancelled_by_another_is_told_to_have_ended(visit: Visit, house: House) -> None:
    schedule_id = house.plan("0.35")
    visitor = visit(role="owner")
    visitor.settled()
    page = visitor.page
    page.get_by_role("button", name="Cancel the change to 0.35 %").click()
    page.route(ASKED_FOR_PLANS, lambda route: route.abort())
    visitor.excuse("404 (Not Found)", "net::ERR_FAILED")

    house.cancel(schedule_id)
    page.get_by_role("button", name="Really cancel the change to 0.35 %?").click()

    expect(page.locator("#plans-card").get_by_role("alert")).to_have_text(
        "The change to 0.35 % could not be cancelled: it is not planned any more."
    )
    page.unroute(ASKED_FOR_PLANS)
    expect(page.locator("#plans li")).to_have_count(0, timeout=15_000)


def test_plans_that_do_not_come_are_told_to_be_unknown(visit: Visit, house: House) -> None:
    visitor = visit()
    visitor.excuse("net::ERR_FAILED")
    visitor.page.route(ASKED_FOR_PLANS, lambda route: route.abort())

    visitor.sign_in(house.token())

    expect(visitor.page.locator("#plans-card")).to_contain_text("Not to be had now: the service cannot be reached.")
    visitor.page.unroute(ASKED_FOR_PLANS)
    expect(visitor.page.locator("#plans-card")).to_be_hidden(timeout=15_000)
