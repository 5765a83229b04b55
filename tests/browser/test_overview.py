"""What the page shows of the house: workers, accounts, latency, parked messages; to an owner and to a user."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.desk import House

pytestmark = pytest.mark.browser


def test_the_owner_sees_the_whole_house(visit: Visit, house: House) -> None:
    house.decide()

    visitor = visit(role="owner")
    visitor.settled()

    page = visitor.page
    expect(page.locator("#percent-why")).to_contain_text("After the press conference")
    expect(page.locator("#percent-who")).to_contain_text("Set by owner-1")
    expect(page.locator("#history-chart svg")).to_have_attribute(
        "aria-label", re.compile(r"3 %, then 2\.5 %, then 1 %")
    )
    expect(page.locator("#tile-approval")).to_have_text(re.compile(r"^\d+(\.\d)? %$"))
    expect(page.locator("#tile-accounts")).to_have_text("42 / 45")
    expect(page.get_by_text("Every version as a table")).to_be_visible()
    expect(page.locator("#reasons")).to_contain_text("Account not found")
    expect(page.locator("#accounts")).to_contain_text("81500007")
    expect(page.locator("#workers")).to_contain_text("2 of 2 processes run version 4")
    expect(page.locator("#decisions tbody tr")).not_to_have_count(0)


def test_messages_that_are_parked_are_counted_and_warned_of(visit: Visit, house: House) -> None:
    visitor = visit(role="owner")

    expect(visitor.page.locator("#tile-parked")).to_have_text("1", timeout=30_000)
    expect(visitor.page.locator("#tile-parked")).to_have_class(re.compile(r"\bwarns\b"))
    expect(visitor.page.locator("#tile-parked-of")).to_have_text("1 in lotwise.sizing")
    counts = {queue["name"]: queue["count"] for queue in house.read("/api/v1/overview")["parked"]}
    assert counts == {"lotwise.accounts": 0, "lotwise.sizing": 1, "lotwise.config": 0}


def test_parked_messages_that_the_broker_does_not_tell_of_are_not_known(visit: Visit, house: House) -> None:
    visitor = visit()
    untold = {**house.read("/api/v1/overview"), "parked": None}
    visitor.page.route("**/api/v1/overview", lambda route: route.fulfill(json=untold))

    visitor.sign_in(house.token())

    expect(visitor.page.locator("#tile-parked")).to_have_text("?")
    expect(visitor.page.locator("#tile-parked-of")).to_have_text("Not known: the broker does not tell")


def test_an_account_that_reports_no_more_is_in_the_list_of_those_that_need_a_look(visit: Visit) -> None:
    visitor = visit(role="owner")
    visitor.settled()

    stale = visitor.page.locator("#accounts .rows li").filter(has_text="70011200")
    expect(stale).to_be_visible()
    expect(stale.locator(".state")).to_have_text("Stale")


def test_how_old_an_account_is_does_not_depend_on_the_clock_of_who_looks(visit: Visit, house: House) -> None:
    visitor = visit()
    visitor.page.clock.set_system_time(datetime.now(UTC) + timedelta(hours=2))
    visitor.sign_in(house.token(lifetime_s=86_400))
    visitor.settled()

    expect(visitor.page.locator("#accounts .rows li").filter(has_text="70011200")).to_have_text(
        re.compile(r"\d (s|min) ago$")
    )


def test_how_long_sizing_takes_is_shown_once_a_worker_has_told(visit: Visit, house: House) -> None:
    house.size()

    visitor = visit(role="owner")

    expect(visitor.page.locator("#tile-latency")).to_have_text(re.compile(r"^\d+(\.\d+)? m?s$"), timeout=30_000)
    expect(visitor.page.locator("#tile-latency-of")).to_contain_text("95 % within")


def test_a_user_sees_their_own_and_cannot_turn_the_dial(visit: Visit) -> None:
    visitor = visit(role="user")
    visitor.settled()

    for hidden in ("Change…", "Plan a change…"):
        expect(visitor.page.get_by_role("button", name=hidden, exact=True)).to_be_hidden()
    expect(visitor.page.locator("#tile-parked-box")).to_be_hidden()
    expect(visitor.page.locator("#decisions")).to_contain_text("Nothing has been decided yet")
    expect(visitor.page.locator("#accounts")).to_contain_text("No account has reported yet")
