"""Somebody with a browser, at the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, Response, WebSocket, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from shared.tokens import Role
from tests.browser.desk import HISTORY, SCHEDULES, House

LOAD_MS = 8_000
ZONE = ZoneInfo("Europe/London")
DESKTOP, PHONE = (1280, 900), (360, 740)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED"
"""Chromium gives up what it loads when the machine gets an interface, as it does with every container that starts."""
LOST = ("net::ERR_CONNECTION_REFUSED", "net::ERR_CONNECTION_RESET", "net::ERR_EMPTY_RESPONSE", "WebSocket connection")
"""What a browser itself writes of a server that is not there."""
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


class Visitor:
    """A browser of its own, with its own storage. `complaints` is what must not have happened."""

    def __init__(
        self, browser: Browser, house: House, *, role: Role | None = None, dark: bool = False, phone: bool = False
    ) -> None:
        width, height = PHONE if phone else DESKTOP
        self.house = house
        self._context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            device_scale_factor=2 if phone else 1,
            locale="en-GB",
            timezone_id=ZONE.key,
        )
        self.complaints: list[str] = []
        self._excused: tuple[str, ...] = (NETWORK_CHANGED,)
        self.page: Page = self._context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self._complain(f"error: {error}"))
        self.page.on("request", self._watch)
        self.page.on("websocket", self._watch)
        self._open()
        if role is not None:
            self.sign_in(house.token(role))

    def _open(self) -> None:
        self.page.goto(self.house.url)
        try:
            self.page.locator("#sign-in, #desk").filter(visible=True).wait_for(timeout=LOAD_MS)
        except PlaywrightTimeoutError:
            self.page.reload()

    def excuse(self, *texts: str) -> None:
        """From here on the browser may write these: it does so of every refusal, whatever the page makes of it."""
        self._excused = (NETWORK_CHANGED, *texts)

    def sign_in(self, token: str) -> None:
        """Paste a token."""
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_role("button", name="Sign in").click()

    @property
    def percent(self) -> Locator:
        """The risk percent, large."""
        return self.page.locator("#percent")

    @property
    def freshness(self) -> Locator:
        """Whether what is shown is of now."""
        return self.page.locator("#freshness-text")

    @property
    def stale(self) -> Locator:
        """What is said aloud where what is shown is not of now."""
        return self.page.locator("#stale")

    def come_back(self) -> None:
        """Look at the page again, after another tab: it asks for everything."""
        self.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    def settled(self) -> None:
        """Wait until everything is there."""
        expect(self.freshness).to_have_text("Live")
        expect(self.page.get_by_text("Loading …")).to_have_count(0)

    def requests(self, pattern: str) -> list[str]:
        """What the page asks for from here on, of that pattern; filled as it does."""
        asked: list[str] = []
        self.page.on("request", lambda request: asked.append(request.url) if re.search(pattern, request.url) else None)
        return asked

    def sockets(self) -> list[str]:
        """The WebSockets that the page opens from here on; filled as it does."""
        opened: list[str] = []
        self.page.on("websocket", lambda socket: opened.append(socket.url))
        return opened

    def has_read(self, answer: Response) -> None:
        """Wait until the page has had its turn with an answer."""
        answer.finished()
        self.page.evaluate("new Promise((done) => setTimeout(done))")

    def spoken(self, live_region: str) -> Callable[[], list[str]]:
        """What a screen reader is given to speak of that element from here on; called, it returns so much of it."""
        handle = self.page.locator(f"#{live_region}").evaluate_handle("""
            (region) => {
                const spoken = [];
                const hear = () => spoken.push(region.textContent);
                new MutationObserver(hear).observe(region, { childList: true, characterData: true, subtree: true });
                return spoken;
            }
        """)
        so_far: Callable[[], list[str]] = handle.json_value
        return so_far

    def told_of(self) -> list[str]:
        """The requests whose decisions are shown, from the top."""
        shown: list[str] = self.page.locator("#decisions tbody tr").evaluate_all(
            "(rows) => rows.map((row) => row.dataset.request)"
        )
        return shown

    def violations(self) -> list[str]:
        """What axe finds, as lines: the rule and the first element that breaks it."""
        found = Axe().run(self.page, options=RULES).response["violations"]
        return [f"{one['id']}: {one['nodes'][0]['html']} {one['nodes'][0]['failureSummary']}" for one in found]

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        wider: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return wider

    def leave(self) -> None:
        """Close the browser."""
        self._context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complain(f"console: {message.text}")

    def _complain(self, text: str) -> None:
        if not any(excused in text for excused in self._excused):
            self.complaints.append(text)

    def _watch(self, asked: Request | WebSocket) -> None:
        if urlsplit(asked.url).netloc != urlsplit(self.house.url).netloc:
            self.complaints.append(f"request off the host: {asked.url}")
        if "eyJ" in asked.url:
            self.complaints.append(f"a token in a URL: {asked.url}")
