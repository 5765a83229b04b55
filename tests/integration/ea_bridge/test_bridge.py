"""From a terminal to a decision: bridge, broker, sync consumer and sizing worker, with the figures of real brokers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from dev.stack.workspace import VirtualHost
from dev.waiting import eventually
from examples.ea_bridge.bridge import Bridge
from examples.ea_bridge.replayed_terminal import ReplayedTerminal
from examples.ea_bridge.settings import BridgeSettings
from services.sync_consumer.handler import SyncHandler
from shared.client import SizingClient, SnapshotPublisher
from shared.messaging.topology import SIZING
from shared.schemas.sizing import SizingDecision
from tests import builders
from tests.desk import Desk
from tests.e2e.proxy import HoldingProxy
from tests.integration.messaging.place import Place, consuming
from tests.terminals import pair, symbol, terminal

EURUSD, EURJPY, US30 = "S04", "S01", "S35"
USER = "u-17"
TIMEOUT_S = 20.0
LEFT_WITHIN_S = 15.0
"""The broker is given 5 s to say good-bye, and a slow machine the rest."""
REPORTS = frozenset({"account.snapshot.v1", "account.instruments.v1"})
SETTINGS = BridgeSettings(
    user_id=USER,
    login=25115284,
    instruments=("EURUSD", "EURJPY"),
    symbols={"DOW": "US30"},
    commission_per_lot={"EURUSD": Decimal(7)},
    snapshot_every_s=0.05,
)


@pytest.fixture
async def place(virtual_host: VirtualHost) -> AsyncIterator[Place]:
    """Queues of the test's own."""
    async with AsyncExitStack() as stack:
        yield Place(virtual_host, stack)


@pytest.fixture
async def lotwise(place: Place, emptied_database: AsyncEngine) -> AsyncIterator[Desk]:
    """Sync consumer and sizing worker at work, and a look into their database."""
    desk = Desk(emptied_database)
    async with (
        consuming(place, SyncHandler(emptied_database, freshness_s=300), accepts=REPORTS),
        consuming(place, desk.worker, queue=SIZING, role="sizing-worker"),
    ):
        yield desk


@asynccontextmanager
async def bridged(shown: ReplayedTerminal, amqp_url: str) -> AsyncIterator[None]:
    """A bridge at work for the length of the block."""
    async with SnapshotPublisher(amqp_url, name="ea bridge") as publisher:
        made = Bridge(shown, publisher, SETTINGS)
        working = asyncio.create_task(made.run())
        yield
        working.cancel()
        await asyncio.wait([working])
        await made.close()


async def seen(desk: Desk) -> datetime | None:
    """When the account was captured that the database holds, and its specs with it."""
    rows = await desk.rows("SELECT last_synced_at FROM user_mt5_accounts WHERE EXISTS (SELECT FROM mt5_instruments)")
    return rows[0].last_synced_at if rows else None


async def size(place: Place, instrument: str, entry: str, stop: str) -> SizingDecision:
    request = builders.request(user_id=USER, instrument=instrument, entries=[builders.entry(entry, stop)])
    async with SizingClient(place.url("signal-engine")) as client:
        return await client.size(request, timeout_s=TIMEOUT_S)


async def test_what_a_terminal_shows_can_be_sized(place: Place, lotwise: Desk) -> None:
    shown = terminal(symbol(EURUSD), symbol(EURJPY), pair("USD", "JPY", 111.380, 111.387))
    shown.margins["EURUSD"] = 1187.02
    async with bridged(shown, place.url("ea-bridge")):
        await eventually(lambda: seen(lotwise))
        euro = await size(place, "EURUSD", "1.18702", "1.18202")
        yen = await size(place, "EURJPY", "120.041", "119.541")

    # 99,511.40 × 3 % × 0.50 = 1,492.67 may be lost. 500 points of EURUSD cost 500.00 a lot, and 7.00 of commission.
    assert (euro.status, euro.positions[0].volume) == ("approved", Decimal("2.94"))
    assert euro.positions[0].margin_required == Decimal("3489.84")  # 2.94 × 1187.02, as the terminal said
    # 500 points of EURJPY cost 500 × 0.8978272580355541 = 448.91 a lot.
    assert (yen.status, yen.positions[0].volume) == ("approved", Decimal("3.32"))
    assert yen.positions[0].margin_required == Decimal("3940.91")  # 3.32 × 1000 EUR × 1.18702


async def test_a_symbol_whose_broker_contradicts_itself_is_not_sized(place: Place, lotwise: Desk) -> None:
    """Contract 0.5, tick 0.01, so a tick is worth 0.005; the broker says 0.01."""
    tenfold = symbol(US30, trade_calc_mode=2, currency_base="USD", currency_margin="USD", trade_tick_value_loss=0.01)
    async with bridged(terminal(tenfold), place.url("ea-bridge")):
        await eventually(lambda: seen(lotwise))
        decision = await size(place, "DOW", "39120", "39000")
    assert [reason.code for reason in decision.reasons] == ["instrument_inconsistent"]


async def test_a_terminal_that_lost_its_broker_makes_the_account_unsizable(place: Place, lotwise: Desk) -> None:
    shown = terminal(symbol(EURUSD))
    shown.state.connected = False
    async with bridged(shown, place.url("ea-bridge")):
        await eventually(lambda: seen(lotwise))
        decision = await size(place, "EURUSD", "1.18702", "1.18202")
    assert [reason.code for reason in decision.reasons] == ["account_inactive"]


async def test_a_bridge_goes_on_after_its_connection_was_cut(place: Place, lotwise: Desk) -> None:
    async with (
        HoldingProxy(place.url("ea-bridge"), name="ea bridge") as proxy,
        bridged(terminal(symbol(EURUSD)), proxy.url),
    ):
        before = await eventually(lambda: seen(lotwise))
        await proxy.cut()

        async def goes_on() -> bool:
            now = await seen(lotwise)
            return now is not None and before is not None and (now - before).total_seconds() > 1

        await eventually(goes_on)


async def test_a_broker_that_falls_silent_does_not_keep_the_bridge_from_ending(place: Place, lotwise: Desk) -> None:
    async with asyncio.timeout(LEFT_WITHIN_S + TIMEOUT_S):
        async with (
            HoldingProxy(place.url("ea-bridge"), name="ea bridge") as proxy,
            bridged(terminal(symbol(EURUSD)), proxy.url),
        ):
            await eventually(lambda: seen(lotwise))
            proxy.hold()
            asked_to_end = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - asked_to_end < LEFT_WITHIN_S
