"""The dial turned on the page: reviewed, confirmed, complained of where it is wrong, by keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Visit
from tests.browser.desk import CONFIG, House
from tests.browser.visitor import ASKED_FOR_HISTORY, turn

pytestmark = pytest.mark.browser


def answer_lost(route: Route) -> None:
    """The request reaches the service, and its answer nobody."""
    route.fetch()
    route.abort()


def test_the_dial_is_turned_after_a_look_at_what_it_changes_and_another_page_sees_it(
    visit: Visit, house: House
) -> None:
    house.decide()
    owner, other = visit(role="owner"), visit(role="user")
    owner.settled()
    other.settled()

    turn(owner.page, "1,5", "Thin liquidity")
    expect(owner.page.locator(".comparison")).to_contain_text("At 1.5 %")
    expect(owner.page.locator(".comparison tbody").first).to_contain_text("Approved")
    owner.page.get_by_role("button", name="Set 1.5 %").click()

    for visitor in (owner, other):
        expect(visitor.percent).to_have_text("1.5")
        expect(visitor.page.locator("#percent-why")).to_have_text("Thin liquidity")
    assert house.percent() == "1.5"


def test_a_change_whose_answer_was_lost_has_one_effect_also_when_it_is_looked_at_again(
    visit: Visit, house: House
) -> None:
    visitor = visit(role="owner")
    visitor.settled()
    visitor.excuse("net::ERR_FAILED")
    page = visitor.page
    page.route(f"**{CONFIG}", answer_lost, times=1)
    turn(page, "1.75", "Sent once, pressed twice")
    before = house.read(CONFIG)["config_version"]

    page.get_by_role("button", name="Set 1.75 %").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("It is safe to try again")
    expect(visitor.percent).to_have_text("1.75")
    page.get_by_role("button", name="Back").click()
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Set 1.75 %").click()

    expect(page.get_by_role("dialog")).to_be_hidden()
    assert house.read(CONFIG)["config_version"] == before + 1


@pytest.mark.parametrize("percent", ["", "many", "0.05", "51", "-1"])
def test_a_percent_that_the_dial_does_not_take_goes_no_further(visit: Visit, percent: str) -> None:
    visitor = visit(role="owner")
    visitor.settled()

    turn(visitor.page, percent, "")

    expect(visitor.page.locator("#change-error")).to_have_text(re.compile("The percent must be"))


def test_the_field_that_is_wrong_is_marked_and_has_the_focus(visit: Visit) -> None:
    visitor = visit(role="owner")
    visitor.settled()

    turn(visitor.page, "51", "")

    percent = visitor.page.get_by_label("New risk")
    expect(percent).to_have_attribute("aria-invalid", "true")
    expect(percent).to_be_focused()
    expect(percent).to_have_accessible_description("The percent must be between 0.1 and 50.")
    expect(visitor.page.get_by_label("Reason")).not_to_have_attribute("aria-invalid", "true")


def test_the_same_complaint_goes_and_comes_so_that_it_is_spoken_again(visit: Visit) -> None:
    visitor = visit(role="owner")
    visitor.settled()
    turn(visitor.page, "51", "")
    spoken = visitor.spoken("change-error")

    visitor.page.get_by_role("button", name="Review").click()

    expect(visitor.page.locator("#change-error")).to_have_text("The percent must be between 0.1 and 50.")
    assert spoken() == ["", "The percent must be between 0.1 and 50."]


def test_a_screen_reader_speaks_of_a_change_from_one_percent_to_another(visit: Visit, house: House) -> None:
    visitor = visit(role="owner")
    visitor.settled()

    turn(visitor.page, "4.5", "")

    spoken = visitor.page.locator(".turn").aria_snapshot()
    assert f"{house.percent()} % to" in spoken


def test_a_dial_that_was_turned_meanwhile_is_not_turned_again_unseen(visit: Visit, house: House) -> None:
    visitor = visit(role="owner")
    visitor.settled()
    turn(visitor.page, "4", "")
    house.turn("3", "Somebody else was quicker")
    visitor.excuse("409 (Conflict)")

    visitor.page.get_by_role("button", name="Set 4 %").click()

    expect(visitor.page.get_by_role("dialog").get_by_role("alert")).to_contain_text("Somebody made version")
    assert house.percent() == "3"


def test_the_keyboard_alone_turns_the_dial(visit: Visit) -> None:
    visitor = visit(role="owner")
    visitor.settled()
    keyboard = visitor.page.keyboard

    visitor.page.get_by_role("button", name="Change…", exact=True).focus()
    keyboard.press("Enter")
    keyboard.type("2.25")
    keyboard.press("Enter")
    expect(visitor.page.get_by_role("button", name="Set 2.25 %")).to_be_focused()
    keyboard.press("Enter")

    expect(visitor.percent).to_have_text("2.25")
    expect(visitor.page.get_by_role("button", name="Change…", exact=True)).to_be_focused()


def test_the_dial_is_not_to_be_turned_before_what_is_in_force_is_known(visit: Visit, house: House) -> None:
    visitor = visit()
    page = visitor.page
    held: list[Route] = []
    page.route(ASKED_FOR_HISTORY, lambda route: held.append(route), times=1)  # noqa: PLW0108
    page.route_web_socket("**/stream", lambda _socket: None)
    acts = [page.get_by_role("button", name=name, exact=True) for name in ("Change…", "Plan a change…")]

    with page.expect_request(ASKED_FOR_HISTORY):
        visitor.sign_in(house.token())
    for act in acts:
        expect(act).to_be_visible()
        expect(act).to_be_disabled()
    held[0].continue_()

    for act in acts:
        expect(act).to_be_enabled()
