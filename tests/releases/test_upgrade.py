"""docs/operations.md, "Upgrade without downtime" and "Roll back", done under traffic: nothing is lost, nobody waits."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from dev.stack.processes import Service, ServiceProcess
from tests.faults.system import bare_nodes
from tests.faults.traffic import Traffic
from tests.releases.checkout import unpack_previous_release
from tests.releases.installation import THIS, Installation, Release

pytestmark = [pytest.mark.containers, pytest.mark.timeout(600)]

SERVICES: list[Service] = ["sync_consumer", "sizing_worker", "sizing_worker", "config_service"]
MORE = 20
"""So many answers between two steps."""


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The release before the newest migration; it is really what runs under these variables."""
    folder = tmp_path_factory.mktemp("previous")
    release = unpack_previous_release(folder)
    where = [sys.executable, "-c", "import shared; print(shared.__file__)"]
    assert subprocess.check_output(where, env=release, text=True).startswith(str(folder))  # noqa: S603  # our own words
    return release


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A broker and a database in which there is nothing of Lotwise yet."""
    with bare_nodes() as nodes:
        yield Installation(nodes, tmp_path)


async def replace_one_by_one(
    installation: Installation, old: list[ServiceProcess], by: Release, traffic: Traffic
) -> None:
    """For each process one of the other release beside it, then the old one is asked to end."""
    for process in old:
        await asyncio.to_thread(installation.launch, process.service, by)
        await traffic.until_answered(MORE)
        assert await asyncio.to_thread(process.terminate)
        assert process.exit_code == 0
        await traffic.until_answered(MORE)


async def test_an_upgrade_under_traffic_loses_nothing_and_both_releases_obey_the_dial(
    installation: Installation, previous: Release
) -> None:
    installation.set_up(previous)
    old = [installation.launch(service, previous) for service in SERVICES]
    traffic = installation.traffic()

    async with traffic.going_on(), installation.owner() as owner:
        await traffic.until_answered(MORE)
        await asyncio.to_thread(installation.set_up, THIS)
        await asyncio.to_thread(installation.launch, "sizing_worker", THIS)
        turned = await owner.set_risk_percent(Decimal("1.5"), reason="both releases decide")
        asked_before = len(traffic.requests)
        await traffic.until_answered(5 * MORE)
        await replace_one_by_one(installation, old, THIS, traffic)

    versions = {reply.config_version for one in traffic.requests[asked_before:] for reply in one.replies}
    assert versions == {turned.config_version}
    assert (await installation.counts(traffic)).is_clean
    assert all(one.answered_at_once for one in traffic.requests)


async def test_the_way_back_to_the_previous_release_under_traffic_loses_nothing(
    installation: Installation, previous: Release
) -> None:
    installation.set_up(THIS)
    new = [installation.launch(service, THIS) for service in SERVICES]
    traffic = installation.traffic()

    async with traffic.going_on():
        await traffic.until_answered(MORE)
        await replace_one_by_one(installation, new, previous, traffic)

    assert (await installation.counts(traffic)).is_clean
    assert all(one.answered_at_once for one in traffic.requests)
