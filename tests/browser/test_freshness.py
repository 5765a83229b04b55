"""What the page shows is of now, or it says that it is not: dead servers, silent streams, late answers."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, WebSocketRoute, expect

from tests.browser.conftest import Visit
from tests.browser.desk import HISTORY, House
from tests.browser.visitor import ASKED_FOR_DECISIONS, ASKED_FOR_HISTORY, LOST, STREAMS

pytestmark = pytest.mark.browser


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


def test_an_answer_without_sense_is_told_and_asked_for_again_until_it_has_some(visit: Visit) -> None:
    visitor = visit()
    visitor.excuse("Cannot destructure")
    visitor.page.route("**/api/v1/overview", lambda route: route.fulfill(json={}), times=5)

    visitor.sign_in(visitor.house.token("owner"))

    expect(visitor.page.locator("#reasons")).to_have_text("Not to be had now: the answer makes no sense. Trying again.")
    expect(visitor.freshness).to_have_text("Delayed", timeout=30_000)
    expect(visitor.freshness).to_have_text("Live", timeout=30_000)
    expect(visitor.page.locator("#reasons")).to_contain_text("Account not found")
