"""The bridge at work: look at the terminal, publish what it shows, until stopped; outages on either side pass."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

import structlog

from examples.ea_bridge.published import PRICES_PAUSE_S, Published, next_look_s
from examples.ea_bridge.reading import confirm, connect, read_account, read_quotes, read_symbols
from examples.ea_bridge.snapshot import obstacles, to_snapshot
from examples.ea_bridge.specs import Refusal, to_spec
from examples.ea_bridge.terminal import OtherAccountError, SymbolsError, TerminalError
from examples.ea_bridge.terminal_thread import TerminalThread
from shared.client import DependencyError

if TYPE_CHECKING:
    from examples.ea_bridge.settings import BridgeSettings
    from examples.ea_bridge.snapshot import AccountReading
    from examples.ea_bridge.terminal import Terminal
    from shared.schemas.account import AccountInstruments, AccountSnapshot
    from shared.schemas.instrument import InstrumentSpec

log = structlog.get_logger()

CONFIRM_TIMEOUT_S = 10.0
"""A snapshot that the broker has not confirmed by then is given up: the next one is newer."""
CLOSE_TIMEOUT_S = 5.0
"""For the terminal to be let go; it may hang, as while it logs in to a server that is away."""


class Outlet(Protocol):
    """Where messages go: `shared.client.SnapshotPublisher`, or the screen."""

    async def publish(self, snapshot: AccountSnapshot, *, timeout_s: float) -> None:
        """Publish a snapshot. Raises DependencyError."""

    async def publish_instruments(self, instruments: AccountInstruments, *, timeout_s: float) -> None:
        """Publish specs. Raises DependencyError."""


class Bridge:
    """One terminal and where its figures go. The terminal's calls block, so they run on a thread of their own."""

    def __init__(self, terminal: Terminal, outlet: Outlet, settings: BridgeSettings) -> None:
        self._terminal = terminal
        self._outlet = outlet
        self._settings = settings
        self._thread = TerminalThread()
        self._connected = False
        self._published = Published(settings.user_id)
        self._obstacles: tuple[str, ...] | None = None
        self._specs_due_at = 0.0
        self._specs_unread = False

    async def run(self) -> None:
        """Publish until cancelled. What goes wrong is logged, and tried again."""
        while True:
            started = time.monotonic()
            pause_s = self._settings.snapshot_every_s
            try:
                await self.look()
            except SymbolsError as error:
                log.warning("instruments.unread", cause=str(error))
            except TerminalError as error:
                event = "account.other" if isinstance(error, OtherAccountError) else "terminal.away"
                log.warning(event, cause=str(error))
                pause_s = self._settings.terminal_retry_s
            except DependencyError as error:
                log.warning("broker.away", cause=str(error))
            await asyncio.sleep(max(started + pause_s - time.monotonic(), 0))

    async def look(self) -> None:
        """One look, published: the specs that are due, then the snapshot, so that whoever sees it can be sized.

        The snapshot is published without specs too, where the terminal tells nothing of its symbols. Raises
        SymbolsError then, OtherAccountError where an account is logged in that is not ours, else TerminalError,
        DependencyError.
        """
        reading = await self._read()
        snapshot = to_snapshot(reading, user_id=self._settings.user_id)
        self._tell_obstacles(reading)
        unread = await self._publish_specs(reading) if self._specs_due(reading) else None
        await self._outlet.publish(snapshot, timeout_s=CONFIRM_TIMEOUT_S)
        if unread:
            raise unread

    async def close(self) -> None:
        """Let go of the terminal, unless it hangs: then it is left as it is."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._thread.call(self._terminal.shutdown)
        except TimeoutError:
            log.warning("terminal.left", cause=f"it did not answer within {CLOSE_TIMEOUT_S:g} s")

    async def _read(self) -> AccountReading:
        try:
            if not self._connected:
                await self._thread.call(lambda: connect(self._terminal, self._settings))
                log.info("terminal.connected")
            self._connected = True
            reading = await self._thread.call(lambda: read_account(self._terminal))
            self._refuse_other_account(reading)
        except TerminalError:
            self._connected = False
            raise
        return reading

    def _refuse_other_account(self, reading: AccountReading) -> None:
        """Raises OtherAccountError. A login alone names no account: two brokers may give the same."""
        login, server = reading.account.login, reading.account.server.strip()
        expected_login, expected_server = self._settings.login or login, self._settings.server or server
        if (login, server) != (expected_login, expected_server):
            raise OtherAccountError(
                f"the terminal is logged in as {login} at {server}, not as {expected_login} at {expected_server}:"
                " nothing is published"
            )

    def _specs_due(self, reading: AccountReading) -> bool:
        at_once = self._published.under_other_terms(reading.account) and not self._specs_unread
        return at_once or time.monotonic() >= self._specs_due_at

    async def _publish_specs(self, reading: AccountReading) -> SymbolsError | None:
        """Publish what is news; what kept the terminal from telling it, where it did."""
        try:
            found = await self._read_specs(reading)
            await self._thread.call(lambda: confirm(self._terminal, reading))
        except OtherAccountError:
            self._connected = False
            raise
        except TerminalError as error:
            self._specs_unread, self._specs_due_at = True, time.monotonic() + PRICES_PAUSE_S
            return SymbolsError(str(error))
        self._specs_unread = False
        newly_refused = self._published.new_refusals([one for one in found if isinstance(one, Refusal)])
        for refusal in newly_refused:
            log.warning("instrument.refused", instrument=refusal.instrument, cause=refusal.reason)
        specs = [one for one in found if not isinstance(one, Refusal)]
        all_every_s = self._settings.instruments_all_every_s
        for news in self._published.news(reading, specs, now_s=time.monotonic(), all_every_s=all_every_s):
            await self._outlet.publish_instruments(news.message, timeout_s=CONFIRM_TIMEOUT_S)
            self._published.note(news)
            log.info("instruments.published", count=len(news.specs))
        every_s = self._settings.instruments_every_s
        self._specs_due_at = time.monotonic() + next_look_s(newly_refused, every_s=every_s)
        return None

    async def _read_specs(self, reading: AccountReading) -> list[InstrumentSpec | Refusal]:
        currency = reading.account.currency
        symbols = await self._thread.call(lambda: read_symbols(self._terminal, self._settings.wanted))
        known = [symbol.info for symbol in symbols if symbol.info]
        currencies = {name for info in known for name in (info.currency_profit, info.currency_margin)}
        quotes = await self._thread.call(lambda: read_quotes(self._terminal, currencies, account_currency=currency))
        return [
            to_spec(
                symbol,
                account_currency=currency,
                quotes=quotes,
                commission_per_lot=self._settings.commission_of(symbol.instrument),
            )
            for symbol in symbols
        ]

    def _tell_obstacles(self, reading: AccountReading) -> None:
        found = obstacles(reading)
        if found != self._obstacles:
            log.info("account.tradable" if not found else "account.not_tradable", causes=list(found))
            self._obstacles = found
