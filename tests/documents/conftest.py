"""A folder that looks like the checkout, and a reader in it, for each page that is read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from dev.servers.provider import Servers
from dev.tree import ROOT
from tests.documents.shell import Reader, reading

CHECKOUT = ("Makefile", "alembic.ini", "pyproject.toml", "dev", "examples", "migrations", "services", "shared")
"""What the commands of the pages find in the folder that they are typed in."""


@pytest.fixture(scope="module")
def reader(provided_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Whoever follows a page, from its first block to its last, and stops at the end what `make up` has started."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in CHECKOUT:
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    given = {
        "COLUMNS": "200",
        "LOTWISE_RUN_FOLDER": str(folder / ".run"),
        "LOTWISE_TEST_PROVIDER": "environment",
        "LOTWISE_AMQP_URL": provided_servers.amqp_url,
        "LOTWISE_RABBITMQ_API_URL": provided_servers.rabbitmq_api_url,
        "LOTWISE_DATABASE_URL": provided_servers.database_url,
    }
    with reading(folder, {**os.environ, **given}) as reader:
        yield reader
        assert reader.type("make down") == 0, reader.printed
