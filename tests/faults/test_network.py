"""The network between the services and the broker is slow, swallows, cuts, half-cuts."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from shared.client.session import broker_settings
from shared.client.sizing import SizingClient
from shared.client.snapshots import SnapshotPublisher
from shared.errors import DependencyError
from shared.messaging import topology
from shared.messaging.batch_channel import Batch
from shared.messaging.link import broker_errors, open_link
from shared.schemas.account import AccountSnapshot
from tests.faults.behind import (
    BACK_AFTER_MANY_CUTS_S,
    BACK_WITHIN_S,
    MARGIN_S,
    answered_while_slow,
    entries,
    launch_behind,
    redelivered,
    until,
)
from tests.faults.book import Page
from tests.faults.counts import Asked
from tests.faults.network import AckThief, BlackHole, SlowNetwork, Stairway
from tests.faults.operator import until_nobody_is_ready
from tests.faults.system import System, parked_nothing
from tests.faults.traffic import Traffic, setup
from tests.faults.trial import trial
from tests.proxy import Proxy

HEARTBEAT_S = 5
"""Of every service, see `tests.faults.system.SETTINGS`."""
NOTICED_WITHIN_S = 3 * (HEARTBEAT_S + 1)
"""A dead peer is noticed so long after it died, at the latest: three heartbeats, and a second for each."""
CALL_TIMEOUT_S = 60.0
STOLEN_WITHIN_S = 30.0


SLOW_FOR_S = 20.0
DELAY_S = 0.2


@pytest.mark.fault(17, "200 ms of latency for 20 s, some of it in small pieces")
async def test_a_slow_network_slows_and_ends_no_connection(guest: System, page: Page) -> None:
    async with SlowNetwork(guest.broker.amqp_url, delay_s=DELAY_S) as network:
        await launch_behind(guest, broker=network)
        async with trial(guest, page, within_s=BACK_WITHIN_S) as traffic:
            began = datetime.now(UTC)
            asked = await answered_while_slow(network, traffic, seconds=SLOW_FOR_S)
        assert entries(guest, "session.ended", since=began) == []
        assert all(one.answered_at_once for one in asked)
        assert len(asked) > SLOW_FOR_S
        assert parked_nothing(guest)


HOLE_S = 24.0
"""Longer than it takes to notice it."""


@pytest.mark.fault(18, "black hole before the broker, both ways, for 24 s")
async def test_a_black_hole_is_noticed_by_the_heartbeat_and_left_behind(guest: System, page: Page) -> None:
    async with BlackHole(guest.broker.amqp_url) as network:
        await launch_behind(guest, broker=network)
        async with trial(guest, page, within_s=BACK_WITHIN_S):
            began = datetime.now(UTC)
            with network.swallowing():
                await until_nobody_is_ready(guest)
                noticed_s = (datetime.now(UTC) - began).total_seconds()
                await asyncio.sleep(HOLE_S - noticed_s)  # the rest of the fault
        page.note(f"noticed by all after {noticed_s:.1f} s")
        assert noticed_s < NOTICED_WITHIN_S + MARGIN_S
        assert parked_nothing(guest)


@pytest.mark.fault(19, "connections half open: the services are cut off, the broker is not told")
async def test_half_open_connections_are_replaced_at_once_and_what_they_held_comes_again(
    guest: System, page: Page
) -> None:
    async with Proxy(guest.broker.amqp_url) as network:
        await launch_behind(guest, broker=network)
        async with trial(guest, page, within_s=NOTICED_WITHIN_S + MARGIN_S) as traffic:
            began = datetime.now(UTC)
            cut_off = list(network.connections)
            for connection in cut_off:
                connection.cut_client_off()
            guest.heal()
            await guest.all_ready()
            ready_s = (datetime.now(UTC) - began).total_seconds()
            held = [one for one in traffic.requests if not one.replies]
            await until(lambda: not network.connections.intersection(cut_off), timeout_s=NOTICED_WITHIN_S + MARGIN_S)
            await until(lambda: all(one.replies for one in held), timeout_s=BACK_WITHIN_S)
        ended = entries(guest, "session.ended", since=began)
        late_s = max(entry["critical_s"] or 0 for entry in redelivered(guest, since=began))
        page.note(
            f"{len(cut_off)} connections, ready after {ready_s:.1f} s, what they held {late_s:.1f} s late at most"
        )
        assert ready_s < BACK_WITHIN_S
        assert len(ended) == len(cut_off)
        assert not any("RESOURCE_LOCKED" in entry["cause"] for entry in ended)
        assert late_s < NOTICED_WITHIN_S + MARGIN_S
        assert parked_nothing(guest)


PUBLISHERS = 4
BYTES_MIN = 1500
"""Fewer than both sides say, together, from the greeting to the confirmation of one publish."""
STRIDE_OF_SERVICES = 37
"""A service waits between two attempts to connect: there is no time for every byte."""


@pytest.mark.fault(20, "connections reset after every number of bytes, in both directions")
async def test_a_connection_may_be_reset_after_any_byte(guest: System, page: Page) -> None:
    url = guest.workspace.virtual_host.role_urls["ea-bridge"]
    async with Stairway(guest.broker.amqp_url) as of_services, Stairway(guest.broker.amqp_url) as of_publishers:
        await launch_behind(guest, broker=of_services)
        async with trial(guest, page, within_s=BACK_AFTER_MANY_CUTS_S) as traffic:
            of_services.climb(STRIDE_OF_SERVICES)
            of_publishers.climb(1)
            await of_services.cut()
            publishing = [_climb(of_publishers, url, traffic, login) for login in range(1, PUBLISHERS + 1)]
            await asyncio.gather(*publishing)
            of_services.stop()
        page.note(
            f"{of_publishers.resets} connections of a publisher, byte by byte, {of_services.resets} of the services"
        )
        assert of_publishers.resets > BYTES_MIN
        assert of_services.resets > len(guest.services)
        assert all(process.is_running() for process in guest.services)
        assert parked_nothing(guest)


async def _climb(stairs: Stairway, url: str, traffic: Traffic, login: int) -> None:
    """Publish snapshots, each again and again until it is confirmed; every attempt is a connection, and a step."""
    settings = broker_settings(stairs.stand_for(url))
    while not stairs.is_climbed:
        sent, message = traffic.new_snapshot(login)
        while not sent.confirmed:
            # Anything else than a DependencyError ends the test.
            with suppress(DependencyError):
                async with open_link(settings, name="stairs") as link:
                    async with broker_errors(settings.amqp_timeout_seconds):
                        channel = await link.open_batch_channel(publisher_confirms=True)
                        batch = Batch([message.publication(settings.user)])
                        await channel.publish_batch(batch)
                    sent.confirmed = batch.verdicts == ["confirmed"]


LOST_CONFIRMS = 5
"""Of the services, and as many of each client."""


@pytest.mark.fault(21, "confirms lost: the connection ends between a publish and its confirmation")
async def test_what_was_published_and_not_confirmed_is_published_again_and_has_one_effect(
    guest: System, page: Page
) -> None:
    urls = guest.workspace.virtual_host.role_urls
    place = guest.broker.amqp_url
    async with AckThief(place, "to client") as of_services, AckThief(place, "to client") as of_clients:
        await launch_behind(guest, broker=of_services)
        async with (
            trial(guest, page, within_s=BACK_WITHIN_S) as traffic,
            SizingClient(of_clients.stand_for(urls["signal-engine"])) as engine,
            SnapshotPublisher(of_clients.stand_for(urls["ea-bridge"])) as bridge,
        ):
            began = datetime.now(UTC)
            of_services.steal(LOST_CONFIRMS)
            for login in range(1, LOST_CONFIRMS + 1):
                of_clients.steal(1)
                await _ask(engine, traffic, login)
                of_clients.steal(1)
                await _report(bridge, traffic, login)
            await until(lambda: of_services.stolen == LOST_CONFIRMS, timeout_s=STOLEN_WITHIN_S)
            guest.heal()
        page.note(f"{of_services.stolen} of services, {of_clients.stolen} of clients")
        assert of_clients.stolen == 2 * LOST_CONFIRMS
        assert len(entries(guest, "session.ended", since=began)) == LOST_CONFIRMS
        assert parked_nothing(guest)


async def _ask(engine: SizingClient, traffic: Traffic, login: int) -> None:
    """One request, sent by the client under the same id until it is answered."""
    asked = Asked(setup(login), answered_at_once=False)
    traffic.requests.append(asked)
    asked.replies.append(await engine.size(asked.request, timeout_s=CALL_TIMEOUT_S))


async def _report(bridge: SnapshotPublisher, traffic: Traffic, login: int) -> None:
    """One snapshot, published by the client under the same id until it is confirmed."""
    sent, message = traffic.new_snapshot(login)
    await bridge.publish(AccountSnapshot.model_validate_json(message.body), timeout_s=CALL_TIMEOUT_S)
    sent.confirmed = True


LOST_ACKS = 12


@pytest.mark.fault(22, "acknowledgements lost: the connection ends in place of them")
async def test_what_was_done_and_not_acknowledged_comes_again_and_is_recognised(guest: System, page: Page) -> None:
    async with AckThief(guest.broker.amqp_url, "to server") as network:
        await launch_behind(guest, broker=network)
        async with trial(guest, page, within_s=BACK_WITHIN_S) as traffic:
            began = datetime.now(UTC)
            network.steal(LOST_ACKS)
            await until(lambda: network.stolen == network.wanted, timeout_s=STOLEN_WITHIN_S)
            guest.heal()
            await traffic.until_answered(20)
        again = redelivered(guest, since=began)
        decided_before = [entry for entry in again if entry.get("repeated")]
        page.note(f"{network.stolen} acks, {len(again)} messages again, {len(decided_before)} decided before")
        assert decided_before
        assert {entry["queue"] for entry in again} >= {topology.SIZING, topology.ACCOUNTS}
        assert parked_nothing(guest)
