"""How many messages are parked, as config_service sees it with its own rights."""

from __future__ import annotations

import pytest

from dev.stack.workspace import VirtualHost
from dev.waiting import eventually
from shared.messaging.parked_counts import ParkedCounts
from shared.messaging.topology import ACCOUNTS, CONFIG, DEAD, SIZING
from tests.integration.messaging.faults import Operator
from tests.integration.messaging.place import Place, background, settings
from tests.integration.messaging.strict import Strict


def counting(url: str) -> ParkedCounts:
    return ParkedCounts(settings(url), instance="test", every_s=0.1)


async def counted(counts: ParkedCounts, accounts: int) -> None:
    async def look() -> bool:
        return counts.counts == {ACCOUNTS: accounts, SIZING: 0, CONFIG: 0}

    await eventually(look)


async def test_parked_messages_are_counted_by_queue_with_the_rights_of_config_service(
    place: Place, virtual_host: VirtualHost
) -> None:
    counts = counting(virtual_host.role_urls["config-service"])
    async with background(counts.run()):
        await counted(counts, 0)
        sender = await place.sender("sync-consumer")

        await sender.send(b"{}", exchange=DEAD, key=ACCOUNTS)
        await sender.send(b"{}", exchange=DEAD, key=ACCOUNTS)

        await counted(counts, 2)


async def test_counting_goes_on_after_the_connection_was_lost(virtual_host: VirtualHost, operator: Operator) -> None:
    counts = counting(virtual_host.role_urls["config-service"])
    async with background(counts.run()):
        await counted(counts, 0)

        await operator.close_connection("test parked")

        await counted(counts, 0)


async def test_where_the_broker_refuses_to_tell_it_is_said_once_and_not_asked_again(
    virtual_host: VirtualHost, capsys: pytest.CaptureFixture[str]
) -> None:
    logged: list[str] = []

    async def refused() -> bool:
        logged.append(capsys.readouterr().out)
        return "parked_counts.refused" in logged[-1]

    async def left() -> bool:
        return not proxy.connections

    async with Strict(virtual_host.role_urls["config-service"], ending=".dead") as proxy:
        counts = counting(proxy.url)
        async with background(counts.run()) as [task]:
            await eventually(refused)
            await eventually(left)

            assert (counts.counts, task.done()) == (None, False)
    said = "".join([*logged, capsys.readouterr().out])
    assert said.count("ACCESS_REFUSED") == said.count("lotwise dead list") == 1
