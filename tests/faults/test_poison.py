"""Messages that kill whoever takes them, and floods of messages that nobody can read."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aio_pika.abc import AbstractIncomingMessage

from dev.servers.management import Management, PeekedMessage
from dev.stack.processes import ServiceProcess
from dev.waiting import eventually
from shared.client.envelope import request_message
from shared.client.session import broker_settings
from shared.messaging.link import open_link
from shared.messaging.publisher import Outgoing, Publisher
from shared.messaging.topology import KEY_SIZING_REQUEST, SIZING, parked_name
from tests import builders
from tests.faults.book import Page
from tests.faults.deadly import SETUP
from tests.faults.footprint import footprint, trend
from tests.faults.operator import lotwise
from tests.faults.publishing import publishing
from tests.faults.system import System, told
from tests.faults.traffic import ACCOUNTS, ASKERS, Traffic, setup
from tests.faults.trial import trial
from tests.fuzz.corpus import BODIES

BACK_WITHIN_S = 20.0
STARTED_WITHIN_S = 30.0
"""The same where two processes have just died, and the operator's three commands come first."""
PARKED_WITHIN_S = 150.0
"""Twenty deaths, each with the start of a process, on a busy machine."""
LOOK_EVERY_S = 0.2
TURNS = 5
GOOD_A_TURN = 200
POISON_TO_GOOD = 2
SLOWED_MOST = 0.5
"""A flood may take this share of what is decided a second without it."""
WARM_UP_ROUNDS = 400
"""The large bodies take memory as they happen to come together: it was still rising at 200 rounds, and flat from 500 to
2,800."""
ROUNDS = 400
GROWTH_MAX = 0.05
"""Of a worker's resident memory, by the straight line through its samples: single ones differ by as much."""
RETURNED = 20
"""So many requests, at least, are returned to their queue until the broker gives them up."""


@asynccontextmanager
async def started_again(processes: list[ServiceProcess]) -> AsyncIterator[list[int | None]]:
    """What a supervisor does: whoever ends is started again. Yields how they ended, in their order."""
    ended: list[int | None] = []

    async def look_after() -> None:
        while True:
            for process in processes:
                if process.exit_code is not None:
                    ended.append(process.exit_code)
                    process.start()
            await asyncio.sleep(LOOK_EVERY_S)

    looking = asyncio.create_task(look_after())
    try:
        yield ended
    finally:
        looking.cancel()
        await asyncio.wait([looking])


def parked(system: System) -> list[PeekedMessage]:
    """What is parked of the sizing queue."""
    with Management(system.broker.api_url) as management:
        return management.peek(system.workspace.virtual_host.name, parked_name(SIZING), most=5000)


def _engine(system: System) -> str:
    """The signal engine's URL."""
    return system.workspace.virtual_host.role_urls["signal-engine"]


async def until_parked(system: System, message_id: str) -> PeekedMessage:
    """The parked message of an id, once it is there."""
    found: list[PeekedMessage] = []

    async def look() -> bool:
        found[:] = [one for one in await asyncio.to_thread(parked, system) if one.message_id == message_id]
        return bool(found)

    await eventually(look, timeout_s=PARKED_WITHIN_S)
    return found[0]


@pytest.mark.fault(33, "a request that kills the worker that takes it")
async def test_a_message_that_kills_is_parked_and_its_neighbours_are_brought_back(guest: System, page: Page) -> None:
    await asyncio.to_thread(guest.launch_all, {"sync_consumer": 1, "config_service": 1})
    workers = [guest.launch("sizing_worker", under=["tests.faults.deadly"]) for _ in range(2)]
    for worker in workers:
        await asyncio.to_thread(worker.wait_ready)
    deadly = request_message(builders.request(user_id="u-1", setup_id=SETUP))
    async with trial(guest, page, within_s=STARTED_WITHIN_S):
        async with started_again(workers) as ended, publishing(_engine(guest)) as publisher:
            await publisher.publish(deadly)
            culprit = await until_parked(guest, deadly.message_id)
        guest.heal()
        await guest.all_ready()
        neighbours = {one.message_id for one in await asyncio.to_thread(parked, guest)} - {deadly.message_id}
        purged = await _dead(guest, "purge", "--message-id", deadly.message_id, "--yes")
        replayed = [await _dead(guest, "replay") for _ in range(2)]
    page.note(f"{len(ended)} deaths, {len(neighbours)} neighbours parked with it and brought back")
    assert culprit.headers["x-first-death-reason"] == "delivery_limit"
    assert set(ended) == {137}
    assert purged == "1 purged"
    assert replayed[1] == "0 replayed"


async def _dead(system: System, action: str, *arguments: str) -> str:
    ended = await asyncio.to_thread(lotwise, system, "dead", action, "--queue", "sizing", *arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()[-1]


@pytest.mark.fault(32, "a flood of unreadable requests beside good ones")
@pytest.mark.timeout(600)
async def test_a_flood_of_poison_slows_good_messages_by_less_than_half(guest: System, page: Page) -> None:
    await asyncio.to_thread(guest.launch_all)
    guilty: set[str] = set()
    ratios = []
    async with trial(guest, page, within_s=BACK_WITHIN_S, guilty=guilty) as busy:
        await busy.until_answered(1)
    traffic = guest.traffic()
    async with traffic.connected(), publishing(_engine(guest)) as publisher:
        await _turn(traffic, publisher, poison=0)
        for _ in range(TURNS):
            quiet = await _turn(traffic, publisher, poison=0)
            ratios.append(await _turn(traffic, publisher, poison=POISON_TO_GOOD, guilty=guilty) / quiet)
    counts = await guest.counts(_both(busy, traffic), guilty=guilty)
    ratio = statistics.median(ratios)
    page.write(
        counts,
        note=f"{POISON_TO_GOOD} unreadable to each good one; good ones decided a second: {ratio:.2f} of those without",
    )
    assert counts.is_clean
    assert ratio > SLOWED_MOST


def _both(first: Traffic, second: Traffic) -> Traffic:
    first.requests += second.requests
    return first


async def _turn(traffic: Traffic, publisher: Publisher, *, poison: int, guilty: set[str] | None = None) -> float:
    """Good requests answered a second, while for each so many unreadable ones are sent."""
    left = iter(range(GOOD_A_TURN))

    async def ask() -> None:
        for number in left:
            bad = [unreadable(b'{"request_id": "%d"' % number) for _ in range(poison)]
            if guilty is not None:
                guilty.update(one.message_id for one in bad)
            faults, _ = await asyncio.gather(publisher.publish_all(bad), traffic.ask(setup(number % ACCOUNTS + 1)))
            assert not any(faults)

    started = time.monotonic()
    await asyncio.gather(*(ask() for _ in range(ASKERS)))
    return GOOD_A_TURN / (time.monotonic() - started)


def unreadable(body: bytes) -> Outgoing:
    """A sizing request that is none."""
    return Outgoing(SIZING, KEY_SIZING_REQUEST, body, "sizing.request.v1")


@pytest.mark.fault(32, "the corpus of unreadable bodies, 800 times over")
async def test_poison_is_parked_at_the_first_attempt_and_memory_stays_flat(guest: System, page: Page) -> None:
    await asyncio.to_thread(guest.launch_all)
    workers = guest.of("sizing_worker")
    resident: list[list[int]] = []
    async with trial(guest, page, within_s=BACK_WITHIN_S) as traffic, publishing(_engine(guest)) as publisher:
        guilty: set[str] = set()
        for _ in range(WARM_UP_ROUNDS + ROUNDS):
            guilty |= await _send_corpus(publisher)
            resident.append([footprint(worker.pid).rss_bytes for worker in workers])
        await _until_parked_at_once(workers, guilty)
        await traffic.until_answered(20)
        purged = await _dead(guest, "purge", "--reason", "invalid_message", "--yes")
    measured = resident[WARM_UP_ROUNDS:]
    growth = max(trend(range(ROUNDS), of_one).share for of_one in zip(*measured, strict=True))
    page.note(f"{len(guilty)} messages; resident memory of the workers grew by {growth:.1%} over the second half")
    assert purged == f"{len(guilty)} purged"
    assert growth < GROWTH_MAX


async def _send_corpus(publisher: Publisher) -> set[str]:
    """Send it once, and return the ids."""
    messages = [unreadable(body) for body in BODIES.values()]
    assert not any(await publisher.publish_all(messages))
    return {one.message_id for one in messages}


async def _until_parked_at_once(workers: list[ServiceProcess], sent: set[str]) -> None:
    """Until the workers have said of each that it was parked at its first attempt."""

    async def look() -> bool:
        settled = [entry for worker in workers for entry in told(worker, "message.settled")]
        firsts = {one["message_id"] for one in settled if one["outcome"] == "park" and one["attempt"] == 0}
        return sent <= firsts

    await eventually(look, timeout_s=60)


@pytest.mark.fault(40, "requests parked by the broker's delivery limit, several times each, all replayed")
async def test_what_the_broker_gave_up_is_replayed_and_has_its_effect_once(guest: System, page: Page) -> None:
    await asyncio.to_thread(guest.launch_all)
    workers = guest.of("sizing_worker")
    async with trial(guest, page, within_s=STARTED_WITHIN_S):
        for worker in workers:
            await asyncio.to_thread(worker.terminate)
        given_up = await _give_up(guest)
        for worker in workers:
            await asyncio.to_thread(worker.start)
        guest.heal()
        await guest.all_ready()
        # The same request, asked again and again, is parked more than once; one replay brings back one of each id.
        replays = [await _replay(guest)]
        while replays[-1]:
            replays.append(await _replay(guest))
    page.note(f"{sum(replays)} parked and replayed, {replays[0]} of them with ids of their own")
    assert sum(replays) >= given_up > replays[0]


async def _replay(system: System) -> int:
    """How many were brought back."""
    said = await _dead(system, "replay", "--reason", "delivery_limit")
    return int(said.removesuffix(" replayed"))


async def _give_up(system: System) -> int:
    """Return every request to its queue until so many are parked."""
    settings = broker_settings(system.workspace.virtual_host.amqp_url)
    async with open_link(settings, name="returning") as link:
        queue = await link.channel.get_queue(SIZING)
        await queue.consume(_return)
        await eventually(lambda: _has_parked(system), timeout_s=PARKED_WITHIN_S)
    return RETURNED


async def _return(message: AbstractIncomingMessage) -> None:
    await message.nack(requeue=True)


async def _has_parked(system: System) -> bool:
    return len(await asyncio.to_thread(parked, system)) >= RETURNED
