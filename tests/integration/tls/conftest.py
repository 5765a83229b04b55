"""A broker and a database that speak TLS, with certificates for the name `localhost` and for no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.runs.session import session
from dev.servers.broker import Broker
from dev.servers.postgres import Cluster
from dev.servers.provider import missing_packages
from tests.integration.tls.authority import Authority

# On a machine where the other tests run in containers there is nothing to start them from.
collect_ignore = ["test_broker.py", "test_database.py"] if missing_packages() else []

HOST = "localhost"


@pytest.fixture(scope="session")
def authority() -> Authority:
    """Who signed the servers' certificates."""
    return Authority("the right one")


@pytest.fixture(scope="session")
def right(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authority's file."""
    return authority.file(tmp_path_factory.mktemp("right"))


@pytest.fixture(scope="session")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of another authority, of the same name."""
    return Authority("the right one").file(tmp_path_factory.mktemp("wrong"))


@pytest.fixture(scope="session")
def tls_cluster(authority: Authority) -> Iterator[Cluster]:
    """A PostgreSQL with TLS."""
    with session() as ledger:
        cluster = Cluster(ledger, durable=False, certificate=authority.certificate(HOST))
        cluster.start()
        yield cluster


@pytest.fixture(scope="session")
def tls_broker(authority: Authority) -> Iterator[Broker]:
    """A RabbitMQ with a TLS listener."""
    with session() as ledger:
        broker = Broker(ledger, certificate=authority.certificate(HOST))
        broker.start()
        yield broker
