"""Private servers from local binaries, for the tests of what provides them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from dev.servers.ports import LOOPBACK, free_ports
from dev.servers.provider import Servers, missing_packages, servers

if TYPE_CHECKING:
    from collections.abc import Iterator

# On a machine where the other tests run in containers there is nothing to start them from, and no need to install it.
collect_ignore = ["test_private_servers.py"] if missing_packages() else []


class Provided(NamedTuple):
    """Servers, and what was said on the way to them."""

    servers: Servers
    said: list[str]


@pytest.fixture(scope="module")
def provided() -> Iterator[Provided]:
    """Servers asked for while the environment names some that nobody can reach."""
    nobody_s = free_ports(1)[0]
    said: list[str] = []
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LOTWISE_AMQP_URL", f"amqp://user:secret@{LOOPBACK}:{nobody_s}/")
        environment.setenv("LOTWISE_DATABASE_URL", f"postgresql://user:secret@{LOOPBACK}:{nobody_s}/postgres")
        environment.delenv("LOTWISE_TEST_PROVIDER", raising=False)
        with servers(allow_containers=False, say=said.append) as private:
            yield Provided(private, said)
