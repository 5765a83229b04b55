"""Three brokers as one: the leader of the queues dies under load; each node is restarted in turn."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev.runs.session import session
from dev.servers.broker_cluster import BrokerCluster
from dev.servers.postgres import Cluster
from dev.servers.provider import BINARIES, Servers
from dev.stack.workspace import make_workspace
from dev.waiting import eventually
from shared.messaging.topology import SIZING
from tests.faults.book import Page
from tests.faults.system import System
from tests.faults.trial import trial

BACK_WITHIN_S = 20.0
GATHER_TIMEOUT_S = 60.0


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[tuple[BrokerCluster, System]]:
    """Three nodes that form a cluster, and a Lotwise whose clients are all on the second."""
    with _cluster(tmp_path) as made:
        yield made


@contextmanager
def _cluster(logs: Path) -> Iterator[tuple[BrokerCluster, System]]:
    with session() as ledger:
        brokers, database = BrokerCluster(ledger), Cluster(ledger, durable=False)
        ledger.at_end(brokers.discard)
        ledger.at_end(database.discard)
        database.start()
        brokers.start()
        first, second, _ = brokers.nodes
        # Queues are led by the node that declares them: never the one that the clients are on.
        servers = Servers(second.amqp_url, first.api_url, database.database_url, BINARIES, ledger)
        workspace = make_workspace(servers)
        try:
            yield brokers, System(ledger, second, database, workspace, logs)
        finally:
            workspace.close()


async def _until_all_run(brokers: BrokerCluster) -> None:
    """Return once every node knows that every node runs, so that the next one may go."""

    async def look() -> bool:
        told = [json.loads(await asyncio.to_thread(node.control, *STATUS)) for node in brokers.nodes]
        return all(len(status["running_nodes"]) == len(brokers.nodes) for status in told)

    await eventually(look, timeout_s=GATHER_TIMEOUT_S)


STATUS = ("cluster_status", "--formatter", "json")


@pytest.mark.fault(43, "leader of a cluster of three killed under load")
async def test_a_leader_that_is_killed_loses_nothing(brokers: tuple[BrokerCluster, System], page: Page) -> None:
    cluster, system = brokers
    vhost = system.workspace.virtual_host.name
    leader = await asyncio.to_thread(cluster.leader_of, SIZING, vhost)
    assert leader is not system.broker
    async with trial(system, page, within_s=BACK_WITHIN_S) as traffic:
        await asyncio.to_thread(leader.kill)
        system.heal()  # by the two that are left: nothing is started again before they answer
        await traffic.until_answered(50)
        successor = await asyncio.to_thread(system.broker.control, *LEADERS, "--vhost", vhost)
    assert leader.node_name not in successor


LEADERS = ("list_queues", "name", "leader")


@pytest.mark.fault(44, "rolling restart of a cluster of three")
async def test_a_rolling_restart_loses_nothing(brokers: tuple[BrokerCluster, System], page: Page) -> None:
    cluster, system = brokers
    async with trial(system, page, within_s=BACK_WITHIN_S) as traffic:
        for node in cluster.nodes:
            await asyncio.to_thread(node.stop)
            await asyncio.to_thread(node.start)
            await _until_all_run(cluster)
            await traffic.until_answered(20)
