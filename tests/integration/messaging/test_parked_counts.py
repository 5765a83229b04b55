"""How many messages are parked, as config_service sees it with its own rights."""

from __future__ import annotations

from dev.stack.workspace import VirtualHost
from dev.waiting import eventually
from shared.messaging.parked_counts import ParkedCounts
from shared.messaging.topology import ACCOUNTS, CONFIG, DEAD, SIZING
from tests.integration.messaging.faults import Operator
from tests.integration.messaging.place import Place, background, settings


def counting(virtual_host: VirtualHost) -> ParkedCounts:
    return ParkedCounts(settings(virtual_host.role_urls["config-service"]), instance="test", every_s=0.1)


async def counted(counts: ParkedCounts, accounts: int) -> None:
    async def look() -> bool:
        return counts.counts == {ACCOUNTS: accounts, SIZING: 0, CONFIG: 0}

    await eventually(look)


async def test_parked_messages_are_counted_by_queue_with_the_rights_of_config_service(
    place: Place, virtual_host: VirtualHost
) -> None:
    counts = counting(virtual_host)
    async with background(counts.run()):
        await counted(counts, 0)
        sender = await place.sender("sync-consumer")

        await sender.send(b"{}", exchange=DEAD, key=ACCOUNTS)
        await sender.send(b"{}", exchange=DEAD, key=ACCOUNTS)

        await counted(counts, 2)


async def test_counting_goes_on_after_the_connection_was_lost(virtual_host: VirtualHost, operator: Operator) -> None:
    counts = counting(virtual_host)
    async with background(counts.run()):
        await counted(counts, 0)

        await operator.close_connection("test parked")

        await counted(counts, 0)
