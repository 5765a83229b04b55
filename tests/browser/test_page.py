"""The page in a real Chromium: signing in, what is shown, the dial turned, a decision explained, a server that dies."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from tests import builders
from tests.browser.conftest import Visit
from tests.browser.desk import CONFIG, HISTORY, SCHEDULES, House
from tests.browser.visitor import LOST, ZONE

pytestmark = pytest.mark.browser

ASKED_FOR_HISTORY = f"**{HISTORY}*"
ASKED_FOR_PLANS = re.compile(rf"{SCHEDULES}\?")
ASKED_FOR_DECISIONS = r"/api/v1/decisions(\?|$)"
STREAMS = 2
"""How many a page follows."""


def turn(page: Page, percent: str, reason: str) -> None:
    """Fill in the dialog and look at the review."""
    page.get_by_role("button", name="Change…", exact=True).click()
    page.get_by_label("New risk").fill(percent)
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name="Review").click()


def answer_lost(route: Route) -> None:
    """The request reaches the service, and its answer nobody."""
    route.fetch()
    route.abort()


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


def test_while_the_stream_of_decisions_is_silent_they_are_asked_for_and_the_page_is_not_live(
    visit: Visit, house: House
) -> None:
    visitor = visit()
    visitor.page.route_web_socket("**/decisions/stream", lambda _socket: None)
    visitor.sign_in(house.token())
    expect(visitor.percent).to_have_text(house.percent())

    request_id = house.decide(setup_id="asked-for")

    expect(visitor.page.locator(f'tr[data-request="{request_id}"]')).to_be_visible()
    assert visitor.freshness.text_content() in ("Connecting", "Delayed")


@pytest.mark.parametrize("refused", ["**/decisions/stream", "**/stream"], ids=["one", "all"])
def test_where_streams_are_refused_and_the_rest_is_answered_it_says_so_once(
    visit: Visit, house: House, refused: str
) -> None:
    visitor = visit()
    visitor.page.route_web_socket(refused, lambda socket: socket.close(code=1013, reason="no room"))
    spoken = visitor.spoken("stale")

    visitor.sign_in(house.token())
    expect(visitor.freshness).to_have_text("Delayed")
    for _ in range(3):
        with visitor.page.expect_response(re.compile(ASKED_FOR_DECISIONS)):
            pass

    assert spoken() == ["Live updates are off. What you see is asked for every few seconds instead."]
    assert visitor.freshness.text_content() == "Delayed"


def test_streams_that_are_cut_while_the_service_answers_are_not_told_as_a_lost_connection(
    visit: Visit, house: House
) -> None:
    visitor = visit()
    links: list[WebSocketRoute] = []

    def link(socket: WebSocketRoute) -> None:
        links.append(socket)
        if len(links) <= STREAMS:
            socket.connect_to_server()
        else:
            socket.close(code=1013)

    visitor.page.route_web_socket("**/stream", link)
    visitor.sign_in(house.token())
    visitor.settled()
    spoken = visitor.spoken("stale")

    for socket in links[:STREAMS]:
        socket.close(code=1012)

    expect(visitor.freshness).to_have_text("Delayed")
    assert spoken() == ["Live updates are off. What you see is asked for every few seconds instead."]


def test_what_is_told_meanwhile_takes_the_focus_from_nobody(visit: Visit, house: House) -> None:
    visitor = visit(role="owner")
    visitor.settled()
    first = visitor.page.locator("#decisions tbody tr").first.get_attribute("data-request")
    button = visitor.page.locator(f'tr[data-request="{first}"] button')
    button.focus()

    request_id = house.decide(setup_id="above")
    expect(visitor.page.locator(f'tr[data-request="{request_id}"]')).to_be_visible()

    assert button.evaluate("(button) => button === document.activeElement")


def test_decisions_are_filtered_by_how_they_ended(visit: Visit) -> None:
    visitor = visit(role="owner")
    visitor.settled()

    visitor.page.get_by_role("button", name="Errors").click()

    expect(visitor.page.locator("#decisions tbody .state").first).to_have_text("Error")
    expect(visitor.page.locator("#decisions tbody .state:not(.error)")).to_have_count(0)


def test_a_server_that_dies_is_told_and_the_page_lives_again_with_it(visit: Visit, house: House) -> None:
    visitor = visit(role="owner")
    visitor.settled()
    visitor.excuse(*LOST)

    with house.dead():
        expect(visitor.freshness).to_have_text("Offline")
        expect(visitor.stale).to_contain_text("The connection to the service is lost. What you see is of")
    house.turn("2.75", "While nobody looked")

    expect(visitor.freshness).to_have_text("Live", timeout=20_000)
    expect(visitor.stale).to_be_empty()
    expect(visitor.percent).to_have_text("2.75")


def test_whoever_comes_back_to_a_dead_server_is_told_when_it_answered_last(visit: Visit, house: House) -> None:
    visitor = visit()
    visitor.page.clock.install()
    visitor.sign_in(house.token())
    visitor.settled()
    visitor.excuse(*LOST)

    with house.dead():
        expect(visitor.stale).to_contain_text("What you see is of")
        told = visitor.stale.text_content()
        visitor.page.clock.fast_forward("30:00")
        visitor.come_back()
        visitor.page.clock.run_for(2000)

        assert visitor.stale.text_content() == told


def test_answers_that_do_not_come_are_told_where_they_lack_and_make_the_page_delayed(visit: Visit) -> None:
    visitor = visit()
    visitor.excuse("net::ERR_FAILED")
    visitor.page.route("**/api/v1/overview", lambda route: route.abort())

    visitor.sign_in(visitor.house.token("owner"))

    expect(visitor.page.locator("#reasons")).to_have_text(
        "Not to be had now: the service cannot be reached. Trying again."
    )
    expect(visitor.freshness).to_have_text("Delayed", timeout=30_000)
    expect(visitor.stale).to_have_text("Some answers do not come. Trying again.")  # what never came is of no time


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


def test_plans_that_do_not_come_are_told_to_be_unknown(visit: Visit, house: House) -> None:
    visitor = visit()
    visitor.excuse("net::ERR_FAILED")
    visitor.page.route(ASKED_FOR_PLANS, lambda route: route.abort())

    visitor.sign_in(house.token())

    expect(visitor.page.locator("#plans-card")).to_contain_text("Not to be had now: the service cannot be reached.")
    visitor.page.unroute(ASKED_FOR_PLANS)
    expect(visitor.page.locator("#plans-card")).to_be_hidden(timeout=15_000)


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


def test_an_answer_that_is_older_than_what_the_stream_has_told_changes_nothing(visit: Visit, house: House) -> None:
    visitor = visit(role="owner")
    visitor.settled()
    late: list[Route] = []
    visitor.page.route(ASKED_FOR_HISTORY, lambda route: late.append(route), times=1)  # noqa: PLW0108
    old = house.read(HISTORY)
    with visitor.page.expect_request(ASKED_FOR_HISTORY):
        visitor.come_back()

    house.turn("3.25", "While the history was on its way")
    expect(visitor.percent).to_have_text("3.25")
    with visitor.page.expect_response(ASKED_FOR_HISTORY) as answered:
        late[0].fulfill(json=old)
    visitor.has_read(answered.value)

    assert visitor.percent.text_content() == "3.25"
    assert "While the history" in (visitor.page.locator("#history-rows tr").first.text_content() or "")


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


def test_an_answer_without_sense_is_told_and_asked_for_again_until_it_has_some(visit: Visit) -> None:
    visitor = visit()
    visitor.excuse("Cannot destructure")
    visitor.page.route("**/api/v1/overview", lambda route: route.fulfill(json={}), times=5)

    visitor.sign_in(visitor.house.token("owner"))

    expect(visitor.page.locator("#reasons")).to_have_text("Not to be had now: the answer makes no sense. Trying again.")
    expect(visitor.freshness).to_have_text("Delayed", timeout=30_000)
    expect(visitor.freshness).to_have_text("Live", timeout=30_000)
    expect(visitor.page.locator("#reasons")).to_contain_text("Account not found")


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
